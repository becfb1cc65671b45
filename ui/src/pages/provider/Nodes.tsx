import { useQuery } from '@tanstack/react-query';

import { type Node, planeQueries } from '../../api/plane';
import { Ago } from '../../parts/Ago';
import { Page } from '../../parts/Page';
import { type Column, ResourceTable } from '../../parts/ResourceTable';
import { StatusLabel } from '../../parts/StatusLabel';
import { texts } from '../../texts';

const t = texts.nodes;
const COLUMNS: Column<Node>[] = [
  { key: 'name', title: t.columns.name, value: ({ name }) => name },
  { key: 'state', title: t.columns.state, value: ({ state }) => state, render: ({ state }) => <StatusLabel status={state} />, narrow: true },
  { key: 'address', title: t.columns.address, value: ({ address }) => address },
  { key: 'detail', title: t.columns.detail, value: ({ detail }) => detail },
  { key: 'seen', title: t.columns.seen, value: ({ seen }) => seen ?? '', render: ({ seen }) => <Ago at={seen} /> },
];

/** The provider's machines. */
export default function Nodes() {
  return (
    <Page title={t.title} fill>
      <ResourceTable id="nodes" query={useQuery(planeQueries.nodes())} columns={COLUMNS} rowKey={({ name }) => name} empty={t.empty} />
    </Page>
  );
}
