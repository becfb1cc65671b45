import { Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useMemo } from 'react';

import { openstack } from '../../api/client';
import { queries } from '../../api/queries';
import { pathIn, useScope } from '../../api/scope';
import { useSession } from '../../api/session';
import type { Server } from '../../api/types';
import { DELETE_DISKS, offers, originOf } from '../../model/instanceActions';
import { ConfirmDialog } from '../../parts/FormDialog';
import { type Column, ResourceTable } from '../../parts/ResourceTable';
import { StatusLabel } from '../../parts/StatusLabel';
import { run } from '../../shell/tasks';
import { texts } from '../../texts';
import { usePerform } from './act';

const t = texts.instance.disks;

interface Disk {
  id: string;
  name: string;
  device: string;
  size: number;
  status: string;
  goes: boolean;
}

/** An instance's disks, and what becomes of them. */
export function DisksTab({ server, attach, open }: { server: Server; attach: () => void; open: (dialog: ReactNode) => void }) {
  const scope = useScope();
  const { administrator, user } = useSession();
  const { send } = usePerform();
  const attached = useQuery(queries.instanceVolumes(scope, server.id));
  const volumes = useQuery(queries.volumes(scope));
  const rows = useMemo(() => attached.data?.map(({ volumeId, device, delete_on_termination: goes }): Disk => {
    const volume = volumes.data?.find(({ id }) => id === volumeId);
    return { id: volumeId, name: volume?.name || volumeId, device, size: volume?.size ?? 0, status: volume?.status ?? 'in-use', goes };
  }), [attached.data, volumes.data]);
  const adopted = originOf(server) === 'adopted';
  const local: Disk[] = server.image || adopted
    ? [{ id: '', name: t.local, device: '', size: server.flavor.disk, status: 'in-use', goes: !adopted || server.metadata[DELETE_DISKS] === 'yes' }] : [];
  const query = { ...attached, data: rows === undefined ? undefined : [...local, ...rows] } as unknown as Parameters<typeof ResourceTable<Disk>>[0]['query'];
  const columns: Column<Disk>[] = [
    { key: 'name', title: t.columns.name, value: ({ name }) => name },
    { key: 'device', title: t.columns.device, value: ({ device }) => device },
    { key: 'size', title: t.columns.size, value: ({ size }) => size, render: ({ size }) => `${size} GiB`, right: true, narrow: true },
    { key: 'status', title: t.columns.status, value: ({ status }) => status, render: ({ status }) => <StatusLabel status={status} /> },
    { key: 'fate', title: t.columns.fate, value: ({ goes }) => (goes ? t.goes : t.stays) },
  ];
  const detach = ({ id, name }: Disk) => open(
    <ConfirmDialog
      title={texts.instances.ask(t.detach, 1, name)}
      action={t.detach}
      close={() => open(null)}
      send={() => send('detachVolume', server, () =>
        openstack(scope.region, 'compute', `/v2.1/servers/${server.id}/os-volume_attachments/${id}`, { method: 'DELETE' }))}
    >
      {t.detachWill(name)}
    </ConfirmDialog>,
  );
  const decide = ({ id, name }: Disk, goes: boolean) => {
    const body = { volumeAttachment: { volumeId: id, delete_on_termination: goes } };
    const path = `/v2.1/servers/${server.id}/os-volume_attachments/${id}`;
    void run({ title: goes ? t.letGo : t.letStay, subject: name, who: user.name }, () => openstack(scope.region, 'compute', path, { method: 'PUT', body }))
      .then(() => attached.refetch(), () => undefined);
  };
  const decided = (goes: boolean) => ({
    key: goes ? 'go' : 'stay', title: goes ? t.letGo : t.letStay, danger: goes,
    when: (disk: Disk) => disk.id !== '' && disk.goes !== goes && offers(server, 'attachVolume', administrator),
    run: ([disk]: Disk[]) => { if (disk !== undefined) decide(disk, goes); },
  });
  return (
    <ResourceTable
      id="instance-disks"
      query={query}
      columns={columns}
      rowKey={({ id }) => id}
      link={({ id, name }) => `${pathIn(scope, 'volumes')}?q=${encodeURIComponent(id === '' ? server.id : name)}`}
      actions={() => [decided(false), decided(true), {
        key: 'detach', title: t.detach, danger: true,
        when: ({ id }) => id !== '' && offers(server, 'detachVolume', administrator),
        run: ([disk]) => { if (disk !== undefined) detach(disk); },
      }]}
      empty={t.empty}
      create={<Button isDisabled={!offers(server, 'attachVolume', administrator)} onClick={attach}>{t.attach}</Button>}
    />
  );
}
