import { useQuery } from '@tanstack/react-query';

import { queries } from '../api/queries';
import { useScope } from '../api/scope';
import type { VolumeSnapshot } from '../api/types';
import { Ago } from '../parts/Ago';
import { FormDialog } from '../parts/FormDialog';
import { ListPage } from '../parts/ListPage';
import type { Column } from '../parts/ResourceTable';
import { StatusLabel } from '../parts/StatusLabel';
import { deleteAction } from '../parts/rowActions';
import { useChange, useDialog } from '../parts/useChange';
import { texts } from '../texts';

const t = texts.snapshots;

/** Snapshots of the project's volumes. */
export default function Snapshots() {
  const scope = useScope();
  const query = useQuery(queries.snapshots(scope));
  const volumes = useQuery(queries.volumes(scope));
  const change = useChange();
  const { dialog, open, close } = useDialog();
  const called = ({ id, name }: VolumeSnapshot) => name || id;
  const volumeOf = ({ volume_id: id }: VolumeSnapshot) => volumes.data?.find((one) => one.id === id)?.name || id;
  const columns: Column<VolumeSnapshot>[] = [
    { key: 'name', title: t.columns.name, value: called },
    { key: 'status', title: t.columns.status, value: ({ status }) => status, render: ({ status }) => <StatusLabel status={status} />, narrow: true },
    { key: 'size', title: t.columns.size, value: ({ size }) => size, render: ({ size }) => `${size} GiB`, right: true },
    { key: 'volume', title: t.columns.volume, value: volumeOf },
    { key: 'created', title: t.columns.created, value: (one) => one.created_at, render: (one) => <Ago at={one.created_at} /> },
    { key: 'id', title: t.columns.id, value: ({ id }) => id, hidden: true },
  ];
  return (
    <ListPage
      id="snapshots"
      title={t.title}
      query={query}
      columns={columns}
      rowKey={({ id }) => id}
      empty={t.empty}
      rowActions={() => [
        {
          key: 'volume', title: t.toVolume, when: ({ status }) => status === 'available',
          run: ([one]) => one !== undefined && open(
            <FormDialog
              title={t.toVolume}
              action={texts.actions.create}
              close={close}
              fields={[
                { name: 'name', title: texts.volumes.fields.name, required: true },
                { name: 'size', title: texts.volumes.fields.size, kind: 'number', minimum: one.size, initial: String(one.size) },
              ]}
              send={({ name = '', size }) => change({ title: t.toVolume, subject: name }, 'volume', 'POST', '/v3/volumes',
                { volume: { name, size: Number(size), snapshot_id: one.id } }, 'volume')}
            />,
          ),
        },
        deleteAction<VolumeSnapshot>({ open, close }, {
          called, will: t.deleteWill, bulk: true,
          send: (one) => change({ title: texts.actions.delete, subject: called(one) }, 'volume', 'DELETE', `/v3/snapshots/${one.id}`, undefined, 'volume-snapshot', 'volume'),
        }),
      ]}
      dialog={dialog}
    />
  );
}
