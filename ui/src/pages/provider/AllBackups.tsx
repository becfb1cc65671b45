import { Alert } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';

import { type Backup, planeQueries } from '../../api/plane';
import { ListPage } from '../../parts/ListPage';
import { type Column } from '../../parts/ResourceTable';
import { useDialog, usePlaneChange } from '../../parts/useChange';
import { tell } from '../../shell/tasks';
import { texts } from '../../texts';
import { BACKUP_COLUMNS } from '../admin/backupColumns';
import { useRestoreActions } from './restoreActions';

const t = texts.backups;
const COLUMNS: Column<Backup>[] = [
  { key: 'customer', title: t.columns.customer, value: ({ customer }) => customer },
  ...BACKUP_COLUMNS.map((column) => (column.key === 'made' ? { ...column, narrow: true } : column)),
];
const FACETS = [
  { key: 'state', title: t.columns.state, value: ({ state }: Backup) => state },
  { key: 'customer', title: t.columns.customer, value: ({ customer }: Backup) => customer, text: (value: string) => value },
];

/** The backups of all customers, whose are not as they should be, and how one is brought back. */
export default function AllBackups() {
  const query = useQuery(planeQueries.backups());
  const alarms = useQuery({ ...planeQueries.status(), select: ({ backups }) => backups.filter(({ state }) => state !== 'ok') });
  const change = usePlaneChange();
  const { dialog, open, close } = useDialog();
  const restore = useRestoreActions<Backup>({ open, close }, ({ id }) => ({ backup: id }));
  const path = (customer: string) => `/customers/${encodeURIComponent(customer)}`;
  return (
    <ListPage
      id="all-backups"
      title={t.title}
      lead={t.allLead}
      badge={
        <div className="al-stack al-tight">
          {alarms.data?.map(({ customer, state }) => (
            <Alert key={customer} isInline isPlain variant={state === 'off' ? 'info' : 'warning'} title={<><Link to={`/provider/customers/${encodeURIComponent(customer)}`}>{customer}</Link>{`: ${t.alarms[state]}`}</>} />
          ))}
        </div>
      }
      query={query}
      columns={COLUMNS}
      rowKey={({ id }) => id}
      facets={FACETS}
      empty={t.empty}
      rowActions={() => [
        {
          key: 'prove', title: t.prove,
          run: ([one]) => { if (one !== undefined) void change('POST', `${path(one.customer)}/backups/${one.id}/prove`, undefined, 'backup').catch((error: unknown) => tell(t.prove, error)); },
        },
        ...restore,
      ]}
      dialog={dialog}
    />
  );
}
