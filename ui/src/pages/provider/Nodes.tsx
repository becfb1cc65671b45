import { useQuery } from '@tanstack/react-query';

import { type Node, planeQueries } from '../../api/plane';
import { Ago } from '../../parts/Ago';
import { ListPage } from '../../parts/ListPage';
import type { Column } from '../../parts/ResourceTable';
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
  return <ListPage id="nodes" title={t.title} query={useQuery(planeQueries.nodes())} columns={COLUMNS} rowKey={({ name }) => name} empty={t.empty} />;
}
