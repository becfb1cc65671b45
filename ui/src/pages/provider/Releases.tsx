import { useQuery } from '@tanstack/react-query';

import { planeQueries, type Release } from '../../api/plane';
import { ListPage } from '../../parts/ListPage';
import type { Column } from '../../parts/ResourceTable';
import { StatusLabel } from '../../parts/StatusLabel';
import { usePlaneChange } from '../../parts/useChange';
import { tell } from '../../shell/tasks';
import { texts } from '../../texts';

const t = texts.releases;
const COLUMNS: Column<Release>[] = [
  { key: 'name', title: t.columns.name, value: ({ name }) => name },
  { key: 'state', title: t.columns.state, value: ({ state }) => state, render: ({ state }) => <StatusLabel status={state} />, narrow: true },
  { key: 'node', title: t.columns.node, value: ({ node }) => node },
  { key: 'detail', title: t.columns.detail, value: ({ detail }) => detail },
];

/** The OpenStack releases that controllers can have. */
export default function Releases() {
  const query = useQuery(planeQueries.releases());
  const change = usePlaneChange();
  return (
    <ListPage
      id="releases"
      title={t.title}
      query={query}
      columns={COLUMNS}
      rowKey={({ name }) => name}
      empty={t.empty}
      rowActions={() => [{
        key: 'prepare', title: t.prepare, when: ({ state }) => state !== 'ready',
        run: ([release]) => { if (release !== undefined) void change('POST', `/releases/${encodeURIComponent(release.name)}/prepare`, undefined, 'release').catch((error: unknown) => tell(t.prepare, error)); },
      }]}
    />
  );
}
