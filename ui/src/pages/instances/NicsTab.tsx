import { Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';

import { openstack } from '../../api/client';
import { queries } from '../../api/queries';
import { pathIn, useScope } from '../../api/scope';
import { useSession } from '../../api/session';
import type { Port, Server } from '../../api/types';
import { offers } from '../../model/instanceActions';
import { ConfirmDialog, FormDialog } from '../../parts/FormDialog';
import { type Column, ResourceTable } from '../../parts/ResourceTable';
import { StatusLabel } from '../../parts/StatusLabel';
import { run } from '../../shell/tasks';
import { texts } from '../../texts';
import { usePerform } from './act';

const t = texts.instance.nics;

/** An instance's NICs, with their addresses, floating IPs and security groups. */
export function NicsTab({ server, attach, open }: { server: Server; attach: () => void; open: (dialog: ReactNode) => void }) {
  const scope = useScope();
  const { administrator, user } = useSession();
  const { send } = usePerform();
  const query = useQuery(queries.instancePorts(scope, server.id));
  const networks = useQuery(queries.networks(scope));
  const floating = useQuery(queries.floatingIps(scope));
  const groups = useQuery(queries.securityGroups(scope));
  const network = (id: string) => networks.data?.find((one) => one.id === id)?.name ?? id;
  const floatingOf = (port: Port) => floating.data?.find((one) => one.port_id === port.id);
  const addresses = (port: Port) => port.fixed_ips.map(({ ip_address: ip }) => ip).join(', ');
  const neutron = (method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown) =>
    openstack(scope.region, 'network', `/v2.0/${path}`, { method, body });
  const close = () => open(null);
  const columns: Column<Port>[] = [
    { key: 'network', title: t.columns.network, value: ({ network_id: id }) => network(id) },
    { key: 'addresses', title: t.columns.addresses, value: addresses, narrow: true },
    { key: 'floating', title: t.columns.floating, value: (port) => floatingOf(port)?.floating_ip_address ?? '' },
    { key: 'mac', title: t.columns.mac, value: ({ mac_address: mac }) => mac },
    {
      key: 'groups', title: t.columns.groups,
      value: ({ security_groups: ids }) => ids.map((id) => groups.data?.find((one) => one.id === id)?.name ?? id).join(', '),
    },
    { key: 'status', title: t.columns.status, value: ({ status }) => status, render: ({ status }) => <StatusLabel status={status} /> },
  ];
  const detach = (port: Port) => open(
    <ConfirmDialog
      title={texts.instances.ask(t.detach, 1, addresses(port))}
      action={t.detach}
      close={close}
      send={() => send('detachInterface', server, () =>
        openstack(scope.region, 'compute', `/v2.1/servers/${server.id}/os-interface/${port.id}`, { method: 'DELETE' }))}
    >
      {t.detachWill(addresses(port))}
    </ConfirmDialog>,
  );
  const giveFloating = (port: Port) => {
    const free = (floating.data ?? []).filter(({ port_id: used }) => used === null);
    open(
      <FormDialog
        title={t.floating}
        action={t.floating}
        close={close}
        fields={[
          {
            name: 'existing', title: t.existing, kind: 'select',
            choices: [...free.map(({ id, floating_ip_address: ip }) => ({ value: id, title: ip })), { value: '', title: t.newFloating }],
          },
          {
            name: 'external', title: t.external, kind: 'select', when: ({ existing }) => existing === '',
            choices: (networks.data ?? []).filter((one) => one['router:external']).map(({ id, name }) => ({ value: id, title: name })),
          },
        ]}
        send={({ existing, external }) => run({ title: t.floating, subject: server.name, who: user.name }, () => existing
          ? neutron('PUT', `floatingips/${existing}`, { floatingip: { port_id: port.id } })
          : neutron('POST', 'floatingips', { floatingip: { floating_network_id: external, port_id: port.id } }))
          .then(() => Promise.all([floating.refetch(), query.refetch()]))}
      />,
    );
  };
  const changeGroups = (port: Port) => open(
    <FormDialog
      title={t.groups}
      action={texts.actions.save}
      close={close}
      fields={[{
        name: 'groups', title: t.columns.groups, kind: 'many', initial: port.security_groups.join(','),
        choices: (groups.data ?? []).map(({ id, name }) => ({ value: id, title: name })),
      }]}
      send={({ groups: ids = '' }) => run({ title: t.groups, subject: server.name, who: user.name }, () =>
        neutron('PUT', `ports/${port.id}`, { port: { security_groups: ids.split(',').filter(Boolean) } })).then(() => query.refetch())}
    />,
  );
  return (
    <ResourceTable
      id="instance-nics"
      query={query}
      columns={columns}
      rowKey={({ id }) => id}
      link={({ network_id: id }) => pathIn(scope, 'networks', id)}
      actions={() => [
        { key: 'floating', title: t.floating, when: (port) => floatingOf(port) === undefined, run: ([port]) => { if (port !== undefined) giveFloating(port); } },
        {
          key: 'no-floating', title: t.noFloating, when: (port) => floatingOf(port) !== undefined,
          run: ([port]) => {
            const one = port === undefined ? undefined : floatingOf(port);
            if (one === undefined) return;
            void run({ title: t.noFloating, subject: server.name, who: user.name }, () =>
              neutron('PUT', `floatingips/${one.id}`, { floatingip: { port_id: null } })).then(() => floating.refetch(), () => undefined);
          },
        },
        { key: 'groups', title: t.groups, run: ([port]) => { if (port !== undefined) changeGroups(port); } },
        {
          key: 'detach', title: t.detach, danger: true, when: () => offers(server, 'detachInterface', administrator),
          run: ([port]) => { if (port !== undefined) detach(port); },
        },
      ]}
      empty={t.empty}
      create={<Button isDisabled={!offers(server, 'attachInterface', administrator)} onClick={attach}>{t.attach}</Button>}
    />
  );
}
