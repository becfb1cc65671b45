import { useQuery } from '@tanstack/react-query';

import { planeQueries, type Status } from '../../api/plane';
import { moodOf } from '../../model/moods';
import { ListPage } from '../../parts/ListPage';
import type { Column } from '../../parts/ResourceTable';
import { StatusLabel } from '../../parts/StatusLabel';
import { texts } from '../../texts';

const t = texts.controllers;
type Controller = Status['regions'][number];
const unwell = ({ components }: Controller) => components.filter(({ state }) => moodOf(state) !== 'well');
const COLUMNS: Column<Controller>[] = [
  { key: 'region', title: t.columns.region, value: ({ region }) => region },
  { key: 'customer', title: t.columns.customer, value: ({ customer }) => customer },
  { key: 'phase', title: t.columns.phase, value: ({ phase }) => phase, render: ({ phase }) => <StatusLabel status={phase} />, narrow: true },
  { key: 'release', title: t.columns.release, value: ({ release }) => release },
  { key: 'node', title: t.columns.node, value: ({ node }) => node },
  {
    key: 'well', title: t.columns.well, value: (one) => one.components.length - unwell(one).length,
    render: (one) => t.well(one.components.length - unwell(one).length, one.components.length),
  },
  { key: 'unwell', title: t.columns.unwell, value: (one) => unwell(one).map(({ name, state }) => `${name}: ${state}`).join(', ') },
];
const FACETS = [
  { key: 'phase', title: t.columns.phase, value: ({ phase }: Controller) => phase },
  { key: 'node', title: t.columns.node, value: ({ node }: Controller) => node, text: (value: string) => value },
];

/** Every region's controller and whether it is well. */
export default function Controllers() {
  const query = useQuery({ ...planeQueries.status(), select: ({ regions }) => regions });
  return (
    <ListPage
      id="controllers"
      title={t.title}
      query={query}
      columns={COLUMNS}
      rowKey={({ customer, region }) => `${customer}/${region}`}
      link={({ customer }) => `/provider/customers/${encodeURIComponent(customer)}`}
      facets={FACETS}
      empty={t.empty}
    />
  );
}
