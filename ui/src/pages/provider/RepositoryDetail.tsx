import { useQuery } from '@tanstack/react-query';
import { useParams } from 'react-router';

import { planeQueries, type Snapshot } from '../../api/plane';
import { dateTime } from '../../model/format';
import { Ago } from '../../parts/Ago';
import { ListPage } from '../../parts/ListPage';
import type { Column } from '../../parts/ResourceTable';
import { askAction } from '../../parts/rowActions';
import { useDialog, usePlaneChange } from '../../parts/useChange';
import { texts } from '../../texts';

const t = texts.repositories;
const COLUMNS: Column<Snapshot>[] = [
  { key: 'customer', title: t.snapshots.customer, value: ({ customer }) => customer },
  { key: 'made', title: t.snapshots.made, value: ({ made }) => made, render: ({ made }) => <Ago at={made} />, narrow: true },
  { key: 'id', title: t.snapshots.id, value: ({ id }) => id },
  { key: 'original', title: t.snapshots.original, value: ({ original }) => original },
];
const FACETS = [{ key: 'customer', title: t.snapshots.customer, value: ({ customer }: Snapshot) => customer, text: (value: string) => value }];

/** What lies in a repository, and how a customer is brought back from it, also one that is gone. */
export default function RepositoryDetail() {
  const { name = '' } = useParams();
  const query = useQuery(planeQueries.snapshots(name));
  const change = usePlaneChange();
  const dialogs = useDialog();
  return (
    <ListPage
      id="snapshots-of-repository"
      title={name}
      lead={t.holds}
      above={{ title: t.title, to: '/provider/repositories' }}
      query={query}
      columns={COLUMNS}
      rowKey={({ id }) => id}
      facets={FACETS}
      empty={t.noSnapshots}
      rowActions={() => [
        askAction<Snapshot>(dialogs, {
          key: 'restore', title: texts.backups.restore, called: ({ customer, made }) => `${customer}, ${dateTime(made)}`, will: texts.backups.restoreWill, typed: ({ customer }) => customer,
          send: ({ id, customer }) => change('POST', '/restores', { customer, repository: name, snapshot: id }, 'backup', 'customer'),
        }),
      ]}
      dialog={dialogs.dialog}
    />
  );
}
