import { useScope } from '../../api/scope';
import { useSession } from '../../api/session';
import type { Network } from '../../api/types';
import { type Field, FormDialog } from '../../parts/FormDialog';
import { useChange } from '../../parts/useChange';
import { texts } from '../../texts';

const t = texts.networks;

/** The fields of a subnet; `cidr` has to be filled in. */
export function subnetFields(when?: Field['when']): Field[] {
  return [
    { name: 'cidr', title: t.fields.cidr, initial: '10.0.0.0/24', required: true, when },
    { name: 'gateway', title: t.fields.gateway, when },
    { name: 'dns', title: t.fields.dns, when },
    { name: 'dhcp', title: t.fields.dhcp, kind: 'tick', initial: 'true', when },
  ];
}

/** What a person filled in of a subnet, as Neutron takes it in a change; no gateway is none. */
export function subnetSettings({ gateway = '', dns = '', dhcp }: Record<string, string>): Record<string, unknown> {
  return {
    enable_dhcp: dhcp === 'true', gateway_ip: gateway.trim() || null,
    dns_nameservers: dns.split(',').map((one) => one.trim()).filter(Boolean),
  };
}

/** The body of Neutron's `POST /subnets`, of what a person filled in. */
export function subnetBody(network: string, values: Record<string, string>): Record<string, unknown> {
  const { name = '', cidr = '' } = values;
  const { gateway_ip: gateway, ...settings } = subnetSettings(values);
  return {
    subnet: {
      network_id: network, name, cidr: cidr.trim(), ip_version: cidr.includes(':') ? 6 : 4, ...settings,
      ...(gateway === null ? {} : { gateway_ip: gateway }),
    },
  };
}

/** Create a network, with a subnet if wanted; an administrator may map it to a physical one. */
export function CreateNetwork({ close }: { close: () => void }) {
  const scope = useScope();
  const { administrator } = useSession();
  const change = useChange();
  const provider = ({ type }: Record<string, string>) => administrator && type !== 'tenant';
  return (
    <FormDialog
      title={t.create}
      action={texts.actions.create}
      close={close}
      fields={[
        { name: 'name', title: t.fields.name, required: true },
        {
          name: 'type', title: t.fields.type, kind: 'select', initial: 'tenant', when: () => administrator,
          choices: Object.entries(t.types).map(([value, title]) => ({ value, title })),
        },
        { name: 'physical', title: t.fields.physical, required: true, when: provider },
        { name: 'vlan', title: t.fields.vlan, kind: 'number', required: true, when: ({ type }) => administrator && type === 'vlan' },
        { name: 'external', title: t.fields.external, kind: 'tick', when: provider },
        { name: 'shared', title: t.fields.shared, kind: 'tick', when: () => administrator },
        { name: 'subnet', title: t.fields.subnet, kind: 'tick', initial: 'true' },
        ...subnetFields(({ subnet }) => subnet === 'true'),
      ]}
      send={async (values) => {
        const { name = '', type, physical, vlan, external, shared, subnet } = values;
        const said = { title: t.create, subject: name };
        const { network } = await change<{ network: Network }>(said, 'network', 'POST', '/v2.0/networks', {
          network: {
            name, project_id: scope.project,
            ...(shared === 'true' ? { shared: true } : {}),
            ...(external === 'true' ? { 'router:external': true } : {}),
            ...(type !== undefined && type !== 'tenant' ? { 'provider:network_type': type, 'provider:physical_network': physical } : {}),
            ...(type === 'vlan' ? { 'provider:segmentation_id': Number(vlan) } : {}),
          },
        }, 'network');
        if (subnet !== 'true') return;
        await change({ title: t.addSubnet, subject: name }, 'network', 'POST', '/v2.0/subnets', subnetBody(network.id, { ...values, name: `${name}-subnet` }), 'network', 'subnet');
      }}
    />
  );
}
