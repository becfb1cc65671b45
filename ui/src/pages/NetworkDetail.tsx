import { Button, Title } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useParams } from 'react-router';

import { queries } from '../api/queries';
import { pathIn, useScope } from '../api/scope';
import type { Network, Port, Subnet } from '../api/types';
import { FormDialog } from '../parts/FormDialog';
import { ErrorState, Loaded } from '../parts/ErrorState';
import { Copyable, Facts } from '../parts/Facts';
import { Page } from '../parts/Page';
import { type Column, ResourceTable } from '../parts/ResourceTable';
import { StatusLabel } from '../parts/StatusLabel';
import { deleteAction, formAction } from '../parts/rowActions';
import { useChange, useDialog } from '../parts/useChange';
import { texts } from '../texts';
import { subnetBody, subnetFields, subnetSettings } from './networks/CreateNetwork';

const t = texts.networks;

/** How the description of a network begins that sync made for what it found on a host; where that is follows. */
const FOUND = 'Found on ';

/** One network: its subnets, and what is plugged into it. */
export default function NetworkDetail() {
  const scope = useScope();
  const { id = '' } = useParams();
  const query = useQuery(queries.networks(scope));
  return (
    <Loaded query={query}>
      {(networks) => {
        const network = networks.find((one) => one.id === id);
        return network === undefined ? <ErrorState error={new Error(texts.errors.byStatus[404])} /> : <Detail network={network} />;
      }}
    </Loaded>
  );
}

const nameOf = ({ name, cidr }: Subnet) => name || cidr;
const addressesOf = ({ fixed_ips: ips, mac_address: mac }: Port) => ips.map(({ ip_address: ip }) => ip).join(', ') || mac;

function Detail({ network }: { network: Network }) {
  const scope = useScope();
  const change = useChange();
  const { dialog, open, close } = useDialog();
  const subnets = useQuery(queries.subnets(scope));
  const ports = useQuery(queries.ports(scope));
  const instances = useQuery(queries.instances(scope));
  const groups = useQuery(queries.securityGroups(scope));
  const owner = ({ device_owner: what, device_id: device }: Port) =>
    instances.data?.find(({ id }) => id === device)?.name ?? t.owners[what] ?? what;
  const name = network.name || network.id;
  const subnetColumns: Column<Subnet>[] = [
    { key: 'name', title: t.subnetColumns.name, value: ({ id, name: text }) => text || id },
    { key: 'cidr', title: t.subnetColumns.cidr, value: ({ cidr }) => cidr, narrow: true },
    { key: 'gateway', title: t.subnetColumns.gateway, value: ({ gateway_ip: gateway }) => gateway ?? '' },
    {
      key: 'pools', title: t.subnetColumns.pools,
      value: ({ enable_dhcp: dhcp, allocation_pools: pools }) => (dhcp ? pools.map(({ start, end }) => `${start} – ${end}`).join(', ') : ''),
    },
    { key: 'dns', title: t.subnetColumns.dns, value: ({ dns_nameservers: dns }) => dns.join(', ') },
  ];
  const portColumns: Column<Port>[] = [
    { key: 'address', title: t.portColumns.address, value: addressesOf },
    { key: 'device', title: t.portColumns.device, value: owner, narrow: true },
    { key: 'mac', title: t.portColumns.mac, value: ({ mac_address: mac }) => mac },
    { key: 'status', title: t.portColumns.status, value: ({ status }) => status, render: ({ status }) => <StatusLabel status={status} /> },
    { key: 'name', title: t.portColumns.name, value: ({ name: text }) => text, hidden: true },
    { key: 'id', title: t.portColumns.id, value: ({ id }) => id, hidden: true },
  ];
  const addSubnet = () => open(
    <FormDialog
      title={t.addSubnet}
      action={texts.actions.add}
      close={close}
      fields={[{ name: 'name', title: t.fields.name }, ...subnetFields()]}
      send={(values) => change({ title: t.addSubnet, subject: name }, 'network', 'POST', '/v2.0/subnets', subnetBody(network.id, values), 'subnet', 'network')}
    />,
  );
  return (
    <Page title={name} above={{ title: t.title, to: pathIn(scope, 'networks') }} badge={<StatusLabel status={network.status} />}>
      <Facts facts={[
        [t.columns.id, <Copyable key="id" text={network.id} />],
        [t.columns.mtu, network.mtu],
        [t.columns.segment, [network['provider:network_type'], network['provider:physical_network'], network['provider:segmentation_id']].filter(Boolean).join(' ')],
        [t.columns.shared, network.shared && texts.actions.yes],
        [t.origin, network.description?.startsWith(FOUND) === true ? network.description : t.made],
        [t.fields.external, network['router:external'] && texts.actions.yes],
      ]} />
      <Title headingLevel="h2">{t.subnets}</Title>
      <ResourceTable
        id="network-subnets"
        query={{ ...subnets, data: subnets.data?.filter((one) => one.network_id === network.id) }}
        columns={subnetColumns}
        rowKey={({ id }) => id}
        empty={t.noSubnets}
        create={<Button variant="secondary" onClick={addSubnet}>{t.addSubnet}</Button>}
        actions={() => [
          formAction<Subnet>({ open, close }, {
            key: 'edit', title: t.editSubnet, called: nameOf, action: texts.actions.save,
            fields: (subnet) => [
              { name: 'name', title: t.fields.name, initial: subnet.name },
              { name: 'gateway', title: t.noGateway, initial: subnet.gateway_ip ?? '' },
              { name: 'dns', title: t.fields.dns, initial: subnet.dns_nameservers.join(', ') },
              { name: 'dhcp', title: t.fields.dhcp, kind: 'tick', initial: subnet.enable_dhcp ? 'true' : '' },
            ],
            send: (subnet, values) => change({ title: t.editSubnet, subject: nameOf(subnet) }, 'network', 'PUT', `/v2.0/subnets/${subnet.id}`,
              { subnet: { name: values.name, ...subnetSettings(values) } }, 'subnet'),
          }),
          deleteAction<Subnet>({ open, close }, {
            called: nameOf, will: t.deleteSubnet,
            send: (subnet) => change({ title: t.delete, subject: subnet.cidr }, 'network', 'DELETE', `/v2.0/subnets/${subnet.id}`, undefined, 'subnet', 'network'),
          }),
        ]}
      />
      <Title headingLevel="h2">{t.ports}</Title>
      <ResourceTable
        id="network-ports"
        query={{ ...ports, data: ports.data?.filter((one) => one.network_id === network.id) }}
        columns={portColumns}
        rowKey={({ id }) => id}
        empty={t.noPorts}
        actions={() => [
          formAction<Port>({ open, close }, {
            key: 'edit', title: t.editPort, called: addressesOf, action: texts.actions.save, when: ({ device_owner: what }) => !what.startsWith('network:'),
            fields: (port) => [
              { name: 'name', title: t.fields.name, initial: port.name },
              { name: 'up', title: t.portUp, kind: 'tick', initial: port.admin_state_up ? 'true' : '' },
              ...(port.port_security_enabled === false ? [] : [{
                name: 'groups', title: t.groups, kind: 'many' as const, initial: port.security_groups.join(','),
                choices: (groups.data ?? []).map((group) => ({ value: group.id, title: group.name })),
              }]),
            ],
            send: (port, { name: text, up, groups: chosen }) => change({ title: t.editPort, subject: addressesOf(port) }, 'network', 'PUT', `/v2.0/ports/${port.id}`, {
              port: { name: text, admin_state_up: up === 'true', ...(chosen === undefined ? {} : { security_groups: chosen.split(',').filter(Boolean) }) },
            }, 'port'),
          }),
        ]}
      />
      {dialog}
    </Page>
  );
}
