import { useQuery } from '@tanstack/react-query';
import { useParams } from 'react-router';

import { planeQueries, type Snapshot } from '../../api/plane';
import { Ago } from '../../parts/Ago';
import { ListPage } from '../../parts/ListPage';
import type { Column } from '../../parts/ResourceTable';
import { useDialog } from '../../parts/useChange';
import { texts } from '../../texts';
import { useRestoreActions } from './restoreActions';

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
  const dialogs = useDialog();
  const restore = useRestoreActions<Snapshot>(dialogs, ({ id }) => ({ repository: name, snapshot: id }));
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
      rowActions={() => restore}
      dialog={dialogs.dialog}
    />
  );
}
