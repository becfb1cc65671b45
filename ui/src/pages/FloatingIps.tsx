import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';

import { queries } from '../api/queries';
import { pathIn, useScope } from '../api/scope';
import type { FloatingIp } from '../api/types';
import { FormDialog } from '../parts/FormDialog';
import { ListPage } from '../parts/ListPage';
import type { Column } from '../parts/ResourceTable';
import { StatusLabel } from '../parts/StatusLabel';
import { askAction, formAction } from '../parts/rowActions';
import { useChange, useDialog } from '../parts/useChange';
import { texts } from '../texts';

const t = texts.floatingIps;

/** The project's floating IPs. */
export default function FloatingIps() {
  const scope = useScope();
  const query = useQuery(queries.floatingIps(scope));
  const networks = useQuery(queries.networks(scope));
  const ports = useQuery(queries.ports(scope));
  const instances = useQuery(queries.instances(scope));
  const change = useChange();
  const { dialog, open, close } = useDialog();
  const called = ({ floating_ip_address: ip }: FloatingIp) => ip;
  const portOf = ({ port_id: port }: FloatingIp) => ports.data?.find(({ id }) => id === port);
  const instanceOf = (ip: FloatingIp) => instances.data?.find(({ id }) => id === portOf(ip)?.device_id);
  const columns: Column<FloatingIp>[] = [
    { key: 'address', title: t.columns.address, value: called },
    { key: 'status', title: t.columns.status, value: ({ status }) => status, render: ({ status }) => <StatusLabel status={status} />, narrow: true },
    { key: 'fixed', title: t.columns.fixed, value: ({ fixed_ip_address: ip }) => ip ?? '' },
    {
      key: 'instance', title: t.columns.instance, value: (ip) => instanceOf(ip)?.name ?? '',
      render: (ip) => { const one = instanceOf(ip); return one === undefined ? '' : <Link to={pathIn(scope, 'instances', one.id)}>{one.name}</Link>; },
    },
    { key: 'network', title: t.columns.network, value: ({ floating_network_id: id }) => networks.data?.find((one) => one.id === id)?.name ?? id },
    { key: 'description', title: t.columns.description, value: ({ description }) => description, hidden: true },
    { key: 'id', title: t.columns.id, value: ({ id }) => id, hidden: true },
  ];
  const put = (title: string, ip: FloatingIp, body: Partial<FloatingIp>) =>
    change({ title, subject: called(ip) }, 'network', 'PUT', `/v2.0/floatingips/${ip.id}`, { floatingip: body }, 'floating-ip', 'port', 'instance');
  return (
    <ListPage
      id="floating-ips"
      title={t.title}
      query={query}
      columns={columns}
      rowKey={({ id }) => id}
      empty={t.empty}
      create={{ title: t.create, run: () => open(<Allocate close={close} />) }}
      rowActions={() => [
        {
          key: 'associate', title: t.associate, when: ({ port_id: port }) => port === null,
          run: ([ip]) => ip !== undefined && open(<Associate send={(port) => put(t.associate, ip, { port_id: port })} close={close} />),
        },
        askAction<FloatingIp>({ open, close }, {
          key: 'disassociate', title: t.disassociate, called, will: t.disassociateWill, when: ({ port_id: port }) => port !== null,
          send: (ip) => put(t.disassociate, ip, { port_id: null }),
        }),
        formAction<FloatingIp>({ open, close }, {
          key: 'describe', title: t.describe, called, action: texts.actions.save,
          fields: ({ description }) => [{ name: 'description', title: t.description, initial: description }],
          send: (ip, { description }) => put(t.describe, ip, { description }),
        }),
        askAction<FloatingIp>({ open, close }, {
          key: 'release', title: t.release, called, will: t.releaseWill, bulk: true,
          send: (ip) => change({ title: t.release, subject: called(ip) }, 'network', 'DELETE', `/v2.0/floatingips/${ip.id}`, undefined, 'floating-ip', 'port'),
        }),
      ]}
      dialog={dialog}
    />
  );
}

/** Take an address of one of the external networks. */
function Allocate({ close }: { close: () => void }) {
  const scope = useScope();
  const networks = useQuery(queries.networks(scope));
  const change = useChange();
  return (
    <FormDialog
      title={t.create}
      action={t.create}
      close={close}
      fields={[
        {
          name: 'network', title: t.external, kind: 'select', required: true,
          choices: (networks.data ?? []).filter((one) => one['router:external']).map(({ id, name }) => ({ value: id, title: name })),
        },
        { name: 'description', title: t.description },
      ]}
      send={({ network, description = '' }) => change({ title: t.create, subject: description }, 'network', 'POST', '/v2.0/floatingips',
        { floatingip: { floating_network_id: network, description, project_id: scope.project } }, 'floating-ip', 'port')}
    />
  );
}

/** Choose the instance's address that a floating IP leads to. */
function Associate({ send, close }: { send: (port: string) => Promise<unknown>; close: () => void }) {
  const scope = useScope();
  const ports = useQuery(queries.ports(scope));
  const instances = useQuery(queries.instances(scope));
  const targets = (ports.data ?? []).flatMap(({ id, device_id: device, fixed_ips: ips }) => {
    const one = instances.data?.find((server) => server.id === device);
    return one === undefined ? [] : [{ value: id, title: `${one.name} · ${ips.map(({ ip_address: ip }) => ip).join(', ')}` }];
  });
  return (
    <FormDialog
      title={t.associate}
      action={t.associate}
      close={close}
      fields={[{ name: 'port', title: t.port, kind: 'select', required: true, choices: targets }]}
      send={({ port = '' }) => send(port)}
    />
  );
}
