import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';

import { queries } from '../api/queries';
import { pathIn, useScope } from '../api/scope';
import type { Volume } from '../api/types';
import { Ago } from '../parts/Ago';
import { ConfirmDialog, FormDialog } from '../parts/FormDialog';
import { ListPage } from '../parts/ListPage';
import type { Column, RowAction } from '../parts/ResourceTable';
import { StatusLabel } from '../parts/StatusLabel';
import { deleteAction, formAction } from '../parts/rowActions';
import { useChange, useDialog } from '../parts/useChange';
import { texts } from '../texts';
import { AttachVolume } from './volumes/AttachVolume';
import { CreateVolume } from './volumes/CreateVolume';
import { NoBlockStorage, useNoBlockStorage } from './volumes/NoBlockStorage';

const t = texts.volumes;
const FACETS = [{ key: 'status', title: t.columns.status, value: ({ status }: Volume) => status }];
const words = ({ id }: Volume) => id;

/** The project's volumes. */
export default function Volumes() {
  const scope = useScope();
  const query = useQuery(queries.volumes(scope));
  const instances = useQuery(queries.instances(scope));
  const types = useQuery(queries.volumeTypes(scope));
  const change = useChange();
  const { dialog, open, close } = useDialog();
  const impossible = useNoBlockStorage();
  const nameOf = (id: string) => instances.data?.find((one) => one.id === id)?.name ?? id;
  const called = ({ id, name }: Volume) => name || id;
  const columns: Column<Volume>[] = [
    { key: 'name', title: t.columns.name, value: called },
    { key: 'status', title: t.columns.status, value: ({ status }) => status, render: ({ status }) => <StatusLabel status={status} />, narrow: true },
    { key: 'size', title: t.columns.size, value: ({ size }) => size, render: ({ size }) => `${size} GiB`, right: true },
    { key: 'type', title: t.columns.type, value: (volume) => volume.volume_type ?? '' },
    {
      key: 'attached', title: t.columns.attached, value: ({ attachments }) => attachments.map((one) => nameOf(one.server_id)).join(', '),
      render: ({ attachments }) => attachments.map((one) => (
        <Link key={one.attachment_id} to={pathIn(scope, 'instances', one.server_id, 'disks')}>{`${nameOf(one.server_id)} ${one.device}`}</Link>
      )),
    },
    { key: 'bootable', title: t.columns.bootable, value: ({ bootable }) => (bootable === 'true' ? texts.actions.yes : ''), hidden: true },
    { key: 'zone', title: t.columns.zone, value: (volume) => volume.availability_zone, hidden: true },
    { key: 'created', title: t.columns.created, value: (volume) => volume.created_at, render: (volume) => <Ago at={volume.created_at} /> },
    { key: 'id', title: t.columns.id, value: ({ id }) => id, hidden: true },
  ];
  const post = (title: string, volume: Volume, body: unknown, ...kinds: string[]) =>
    change({ title, subject: called(volume) }, 'volume', 'POST', `/v3/volumes/${volume.id}/action`, body, 'volume', ...kinds);
  const free = ({ status }: Volume) => status === 'available';

  const actions = (): RowAction<Volume>[] => [
    {
      key: 'attach', title: t.attach, when: (volume) => free(volume) || volume.multiattach,
      run: ([volume]) => volume !== undefined && open(
        <AttachVolume
          close={close}
          send={(server) => change({ title: t.attach, subject: called(volume) }, 'compute', 'POST',
            `/v2.1/servers/${server}/os-volume_attachments`, { volumeAttachment: { volumeId: volume.id } }, 'volume', 'instance')}
        />,
      ),
    },
    {
      key: 'detach', title: t.detach, danger: true, when: ({ attachments }) => attachments.length > 0,
      run: ([volume]) => {
        const attachment = volume?.attachments[0];
        if (volume === undefined || attachment === undefined) return;
        open(
          <ConfirmDialog
            title={texts.confirm.ask(t.detach, called(volume))}
            action={t.detach}
            close={close}
            send={() => change({ title: t.detach, subject: called(volume) }, 'compute', 'DELETE',
              `/v2.1/servers/${attachment.server_id}/os-volume_attachments/${volume.id}`, undefined, 'volume', 'instance')}
          >
            {t.detachWill(nameOf(attachment.server_id))}
          </ConfirmDialog>,
        );
      },
    },
    {
      key: 'snapshot', title: t.snapshot, when: ({ status }) => status === 'available' || status === 'in-use',
      run: ([volume]) => volume !== undefined && open(
        <FormDialog
          title={t.snapshot}
          action={t.snapshot}
          close={close}
          fields={[{ name: 'name', title: t.snapshotName, required: true, initial: `${called(volume)}-snapshot` }]}
          send={({ name = '' }) => change({ title: t.snapshot, subject: called(volume) }, 'volume', 'POST', '/v3/snapshots',
            { snapshot: { volume_id: volume.id, name, force: true } }, 'volume-snapshot', 'volume')}
        />,
      ),
    },
    {
      key: 'extend', title: t.extend, when: ({ status }) => status === 'available' || status === 'in-use',
      run: ([volume]) => volume !== undefined && open(
        <FormDialog
          title={t.extend}
          action={t.extend}
          close={close}
          fields={[{ name: 'size', title: t.newSize, kind: 'number', minimum: volume.size + 1, initial: String(volume.size + 1), required: true }]}
          check={({ size }) => (Number(size) > volume.size ? undefined : t.grow)}
          send={({ size }) => post(t.extend, volume, { 'os-extend': { new_size: Number(size) } })}
        />,
      ),
    },
    formAction<Volume>({ open, close }, {
      key: 'retype', title: t.retype, called, when: ({ status }) => (status === 'available' || status === 'in-use') && (types.data?.length ?? 0) > 1,
      fields: ({ volume_type: type }) => [
        { name: 'type', title: t.fields.type, kind: 'select', required: true, choices: (types.data ?? []).filter(({ name }) => name !== type).map(({ name }) => ({ value: name, title: name })) },
        { name: 'move', title: t.moveData, kind: 'tick', initial: 'true' },
      ],
      send: (volume, { type, move }) => post(t.retype, volume, { 'os-retype': { new_type: type, migration_policy: move === 'true' ? 'on-demand' : 'never' } }),
    }),
    {
      key: 'edit', title: t.edit,
      run: ([volume]) => volume !== undefined && open(
        <FormDialog
          title={t.edit}
          action={texts.actions.save}
          close={close}
          fields={[{ name: 'name', title: t.fields.name, initial: volume.name, required: true }, { name: 'description', title: t.fields.description, initial: volume.description ?? '' }]}
          send={(values) => change({ title: t.edit, subject: called(volume) }, 'volume', 'PUT', `/v3/volumes/${volume.id}`, { volume: values }, 'volume')}
        />,
      ),
    },
    {
      key: 'image', title: t.toImage, when: free,
      run: ([volume]) => volume !== undefined && open(
        <FormDialog
          title={t.toImage}
          action={t.toImage}
          close={close}
          fields={[{ name: 'name', title: t.imageName, initial: called(volume), required: true }]}
          send={({ name }) => post(t.toImage, volume, { 'os-volume_upload_image': { image_name: name, disk_format: 'raw', container_format: 'bare' } }, 'image')}
        />,
      ),
    },
    {
      key: 'bootable', title: t.bootable, when: ({ bootable }) => bootable !== 'true',
      run: ([volume]) => { if (volume !== undefined) void post(t.bootable, volume, { 'os-set_bootable': { bootable: true } }).catch(() => undefined); },
    },
    deleteAction<Volume>({ open, close }, {
      called, will: t.deleteWill, bulk: true, when: ({ status }) => status === 'available' || status.startsWith('error'),
      send: (volume) => change({ title: t.delete, subject: called(volume) }, 'volume', 'DELETE', `/v3/volumes/${volume.id}`, undefined, 'volume'),
    }),
  ];
  return (
    <ListPage
      id="volumes"
      title={t.title}
      query={query}
      columns={columns}
      rowKey={({ id }) => id}
      rowActions={actions}
      facets={FACETS}
      words={words}
      empty={t.empty}
      notice={<NoBlockStorage />}
      create={impossible ? undefined : { title: t.create, run: () => open(<CreateVolume close={close} />) }}
      dialog={dialog}
    />
  );
}
