import { useQuery } from '@tanstack/react-query';

import { type Host, planeQueries } from '../../api/plane';
import { providerHostPath } from '../../api/scope';
import { ListPage } from '../../parts/ListPage';
import type { Column } from '../../parts/ResourceTable';
import { useDialog } from '../../parts/useChange';
import { texts } from '../../texts';
import { useHostActions } from '../admin/hostActions';
import { HOST_COLUMNS } from '../admin/hostColumns';

const t = texts.providerHosts;
const c = texts.hosts.columns;
const COLUMNS: Column<Host>[] = [
  ...HOST_COLUMNS,
  { key: 'customer', title: c.customer, value: ({ customer }) => customer },
  { key: 'region', title: c.region, value: ({ region }) => region },
];
const FACETS = [
  { key: 'state', title: c.state, value: ({ state }: Host) => state },
  { key: 'customer', title: c.customer, value: ({ customer }: Host) => customer, text: (value: string) => value },
];

/** The hosts of all customers. */
export default function ProviderHosts() {
  const query = useQuery(planeQueries.hosts());
  const { dialog, open, close } = useDialog();
  const actions = useHostActions(open, close);
  return (
    <ListPage
      id="all-hosts"
      title={t.title}
      query={query}
      columns={COLUMNS}
      rowKey={({ customer, region, name }) => `${customer}/${region}/${name}`}
      link={providerHostPath}
      facets={FACETS}
      empty={t.empty}
      rowActions={() => actions}
      dialog={dialog}
    />
  );
}
