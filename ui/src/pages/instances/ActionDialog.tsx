import { List, ListItem } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';

import { openstack } from '../../api/client';
import { regionQueries } from '../../api/plane';
import { queries } from '../../api/queries';
import { type Scope, useScope } from '../../api/scope';
import { useSession } from '../../api/session';
import type { Server } from '../../api/types';
import { mebibytes } from '../../model/format';
import { type DiskFate, fateOfDisks, type InstanceAction, PLAIN_BODIES, RULES } from '../../model/instanceActions';
import { addressesOf } from '../../model/search';
import { each } from '../../parts/each';
import { ConfirmDialog, type Field, FormDialog, type Values } from '../../parts/FormDialog';
import { texts } from '../../texts';
import { usePerform } from './act';

const t = texts.instances;

/** Actions that are plain for many and ask for something that may be said where they are for one. */
const ASKING: ReadonlySet<InstanceAction> = new Set(['lock', 'migrate', 'liveMigrate', 'evacuate']);

/** Actions that need no dialogue: they can be taken back, or harm nothing. */
export function actsAtOnce(action: InstanceAction): boolean {
  return PLAIN_BODIES[action] !== undefined && RULES[action].danger !== true && !ASKING.has(action);
}

/** Asks what an action needs to know, or whether it is meant, and does it. */
export function ActionDialog({ action, servers, close, done }: {
  action: InstanceAction;
  servers: readonly Server[];
  close: () => void;
  done?: () => void;
}) {
  const scope = useScope();
  const { act, send } = usePerform();
  const [server] = servers;
  if (server === undefined) return null;
  const name = t.names[action];
  const title = t.ask(name, servers.length, server.name);
  const plain = PLAIN_BODIES[action];
  if (action === 'delete') {
    const remove = () => each(servers, ({ name: called }) => called, (one) =>
      send('delete', one, () => openstack(scope.region, 'compute', `/v2.1/servers/${one.id}`, { method: 'DELETE' })));
    return <DeleteDialog title={title} servers={servers} scope={scope} send={async () => { await remove(); done?.(); }} close={close} />;
  }
  if (plain !== undefined && (servers.length > 1 || !ASKING.has(action))) {
    return (
      <ConfirmDialog title={title} action={name} close={close} send={() => each(servers, ({ name: called }) => called, (one) => act(action, one, plain))}>
        <p>{t.will[action]}</p>
        {servers.length > 1 && <Names servers={servers} />}
      </ConfirmDialog>
    );
  }
  return <AskingDialog action={action} server={server} title={title} close={close} act={act} send={send} scope={scope} />;
}

function AskingDialog({ action, server, title, close, act, send, scope }: {
  action: InstanceAction;
  server: Server;
  title: string;
  close: () => void;
  scope: Scope;
  act: (action: InstanceAction, server: Server, body: Record<string, unknown>) => Promise<void>;
  send: (action: InstanceAction, server: Server, work: () => Promise<unknown>) => Promise<void>;
}) {
  const { administrator } = useSession();
  const needs = (...actions: InstanceAction[]) => ({ enabled: actions.includes(action) });
  const flavors = useQuery({ ...queries.publicFlavors(scope), ...needs('resize') });
  const images = useQuery({ ...queries.images(scope), ...needs('rebuild', 'rescue') });
  const volumes = useQuery({ ...queries.volumes(scope), ...needs('attachVolume') });
  const networks = useQuery({ ...queries.networks(scope), ...needs('attachInterface') });
  const services = useQuery({ ...queries.services(scope), ...needs('migrate', 'liveMigrate', 'evacuate', ...(administrator ? ['unshelveAt' as const] : [])) });
  const zones = useQuery({ ...queries.zones(scope), ...needs('unshelveAt') });
  const path = `/v2.1/servers/${server.id}`;
  const post = (part: string, body: unknown) => openstack(scope.region, 'compute', path + part, { method: 'POST', body });
  const put = (body: unknown) => openstack(scope.region, 'compute', path, { method: 'PUT', body });
  const migration = async (part: string, method: 'POST' | 'DELETE', body?: unknown) => {
    const { migrations: [one] } = await openstack<{ migrations: { id: number }[] }>(scope.region, 'compute', `${path}/migrations`);
    if (one === undefined) throw new Error(t.noMigration);
    return openstack(scope.region, 'compute', `${path}/migrations/${one.id}${part}`, { method, body });
  };
  const hosts = (services.data ?? []).filter(({ binary, host }) => binary === 'nova-compute' && host !== server['OS-EXT-SRV-ATTR:host']);
  const hostField: Field = {
    name: 'host', title: t.hostChoice, kind: 'select',
    choices: [{ value: '', title: t.anyHost }, ...hosts.map(({ host }) => ({ value: host, title: host }))],
  };
  const asked: Partial<Record<InstanceAction, { fields: Field[]; send: (values: Values) => Promise<unknown> }>> = {
    rename: {
      fields: [
        { name: 'name', title: t.newName, initial: server.name, required: true },
        { name: 'description', title: t.description, initial: server.description ?? '' },
      ],
      send: ({ name, description }) => send('rename', server, () => put({ server: { name, description } })),
    },
    resize: {
      fields: [{
        name: 'flavor', title: t.flavor, kind: 'select', required: true,
        choices: (flavors.data ?? []).filter(({ name }) => name !== server.flavor.original_name).map(({ id, name, vcpus, ram, disk }) =>
          ({ value: id, title: `${name} · ${vcpus} vCPU · ${mebibytes(ram)} · ${disk} GiB` })),
      }],
      send: ({ flavor }) => act(action, server, { resize: { flavorRef: flavor } }),
    },
    rebuild: {
      fields: [{
        name: 'image', title: t.image, kind: 'select', required: true,
        initial: server.image ? server.image.id : undefined,
        choices: (images.data ?? []).filter(({ status }) => status === 'active').map(({ id, name }) => ({ value: id, title: name ?? id })),
      }],
      send: ({ image }) => act(action, server, { rebuild: { imageRef: image } }),
    },
    rescue: {
      fields: [{
        name: 'image', title: t.rescueImage, kind: 'select', required: !server.image,
        choices: [
          ...(server.image ? [{ value: '', title: t.sameImage }] : []),
          ...(images.data ?? []).filter(({ status }) => status === 'active').map(({ id, name }) => ({ value: id, title: name ?? id })),
        ],
      }],
      send: ({ image }) => act(action, server, { rescue: image ? { rescue_image_ref: image } : null }),
    },
    setPassword: {
      fields: [{ name: 'password', title: t.password, kind: 'password', required: true }],
      send: ({ password }) => act(action, server, { changePassword: { adminPass: password } }),
    },
    snapshot: {
      fields: [{ name: 'name', title: t.snapshotName, required: true, initial: `${server.name}-${new Date().toISOString().slice(0, 16).replace('T', '-')}` }],
      send: ({ name }) => act(action, server, { createImage: { name } }),
    },
    attachVolume: {
      fields: [{
        name: 'volume', title: t.volume, kind: 'select', required: true,
        choices: (volumes.data ?? []).filter(({ status, multiattach }) => status === 'available' || multiattach)
          .map(({ id, name, size }) => ({ value: id, title: `${name || id} · ${size} GiB` })),
      }],
      send: ({ volume }) => send('attachVolume', server, () => post('/os-volume_attachments', { volumeAttachment: { volumeId: volume } })),
    },
    attachInterface: {
      fields: [
        {
          name: 'network', title: t.network, kind: 'select', required: true,
          choices: (networks.data ?? []).map(({ id, name }) => ({ value: id, title: name || id })),
        },
        { name: 'address', title: t.fixedIp },
      ],
      send: ({ network, address }) => send('attachInterface', server, () => post('/os-interface', {
        interfaceAttachment: { net_id: network, ...(address ? { fixed_ips: [{ ip_address: address }] } : {}) },
      })),
    },
    backup: {
      fields: [
        { name: 'name', title: t.backupName, required: true, initial: `${server.name}-backup` },
        { name: 'kind', title: t.backupKind, required: true, initial: 'daily' },
        { name: 'kept', title: t.backupKept, kind: 'number', minimum: 1, required: true, initial: '7' },
      ],
      send: ({ name, kind, kept }) => act(action, server, { createBackup: { name, backup_type: kind, rotation: Number(kept) } }),
    },
    lock: {
      fields: [{ name: 'reason', title: t.reason }],
      send: ({ reason }) => act(action, server, { lock: reason ? { locked_reason: reason } : null }),
    },
    migrate: {
      fields: [hostField],
      send: ({ host }) => act(action, server, { migrate: host ? { host } : null }),
    },
    unshelveAt: {
      fields: [
        {
          name: 'zone', title: t.zoneChoice, kind: 'select',
          choices: [
            { value: '', title: t.anyZone },
            ...(zones.data ?? []).filter(({ zoneState }) => zoneState.available).map(({ zoneName }) => ({ value: zoneName, title: zoneName })),
          ],
        },
        ...(administrator ? [hostField] : []),
      ],
      send: ({ zone, host }) => {
        const place = { ...(zone ? { availability_zone: zone } : {}), ...(host ? { host } : {}) };
        return act(action, server, { unshelve: zone || host ? place : null });
      },
    },
    abortMigration: { fields: [], send: () => send(action, server, () => migration('', 'DELETE')) },
    completeMigration: { fields: [], send: () => send(action, server, () => migration('/action', 'POST', { force_complete: null })) },
    liveMigrate: {
      fields: [hostField],
      send: ({ host }) => act(action, server, { 'os-migrateLive': { host: host || null, block_migration: 'auto' } }),
    },
    evacuate: {
      fields: [hostField],
      send: ({ host }) => act(action, server, { evacuate: host ? { host } : {} }),
    },
    resetState: {
      fields: [{
        name: 'state', title: t.newState, kind: 'select', initial: 'active',
        choices: [{ value: 'active', title: 'active' }, { value: 'error', title: 'error' }],
      }],
      send: ({ state }) => act(action, server, { 'os-resetState': { state } }),
    },
  };
  const dialog = asked[action];
  if (dialog === undefined) return null;
  return (
    <FormDialog
      title={title.replace(/\?$/, '')}
      lead={t.will[action]}
      danger={RULES[action].danger}
      action={t.names[action]}
      fields={dialog.fields}
      send={dialog.send}
      close={close}
    />
  );
}

function DeleteDialog({ title, servers, scope, send, close }: {
  title: string;
  servers: readonly Server[];
  scope: Scope;
  send: () => Promise<unknown>;
  close: () => void;
}) {
  const attached = servers.some((server) => server['os-extended-volumes:volumes_attached'].length > 0);
  const { customer } = useSession();
  const volumes = useQuery({ ...queries.volumes(scope), enabled: attached });
  const told = useQuery(regionQueries.syncDisks(customer ?? '', scope.region, servers.map(({ id }) => id)));
  const [server] = servers;
  const fates = servers.map((one) => fateOfDisks(one, volumes.data ?? [], told.data?.get(one.id)));
  const what: ReactNode[] = [];
  if (servers.length === 1 && server !== undefined) {
    for (const { deleted, kept, local } of fates) {
      what.push(...local.map(({ path, size, goes }) => (goes ? <strong key={path}>{t.diskLocal(path, size)}</strong> : t.diskLocalKept(path, size))));
      what.push(...deleted.map(({ id, name, size }) => <strong key={id}>{t.diskDeleted(name || id, size)}</strong>));
      what.push(...kept.map(({ id, name, size }) => t.diskKept(name || id, size)));
    }
    const addresses = addressesOf(server);
    if (addresses.length > 0) what.push(t.addressesFreed(addresses.join(', ')));
  } else {
    const sum = (count: (fate: DiskFate) => number) => fates.reduce((total, fate) => total + count(fate), 0);
    const local = (goes: boolean) => sum((fate) => fate.local.filter((disk) => disk.goes === goes).length);
    what.push(t.deleteMany(servers.length, local(true), sum(({ deleted }) => deleted.length)));
    what.push(t.keptOfMany(local(false), sum(({ kept }) => kept.length)));
  }
  return (
    <ConfirmDialog title={title} action={t.names.delete} send={send} close={close} typed={servers.length > 1 ? String(servers.length) : undefined}>
      <p>{t.deleteIntro}</p>
      <List>{what.map((line, index) => <ListItem key={index}>{line}</ListItem>)}</List>
      {servers.length > 1 && <Names servers={servers} />}
    </ConfirmDialog>
  );
}

const LISTED = 8;

function Names({ servers }: { servers: readonly Server[] }) {
  return (
    <p className="al-quiet">
      {servers.slice(0, LISTED).map(({ name }) => name).join(', ')}
      {servers.length > LISTED && ` ${t.more(servers.length - LISTED)}`}
    </p>
  );
}
