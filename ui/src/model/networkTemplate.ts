/** A network template as a form's fields, and back. Pure. */
import type { Carrier, NetworkTemplate, PhysicalNetwork } from '../api/plane';

/** A row of a form; everything is text, a tick is `'true'` or empty. */
export type Row = Record<string, string>;

export interface NetworkForm {
  fields: Row;
  hosts: Row[];
}

export interface TemplateForm {
  networks: NetworkForm[];
  overlay: NetworkForm;
}

/** A physical network that nobody has filled in yet. */
export const NEW_NETWORK: NetworkForm = { fields: { name: '', flat: 'true', vlans: '', bridge: '', interface: '', mtu: '' }, hosts: [] };

/** The form's fields of a template. */
export function formOf({ physical_networks: networks, overlay }: NetworkTemplate): TemplateForm {
  return {
    networks: Object.entries(networks).map(([name, network]) => ({
      fields: {
        name, flat: network.flat ? 'true' : '', vlans: network.vlans.join(', '), bridge: network.bridge,
        interface: network.interface ?? '', mtu: network.mtu === null ? '' : String(network.mtu),
      },
      hosts: Object.entries(network.hosts).map(([host, carrier]) => hostRow(host, carrier)),
    })),
    overlay: {
      fields: { type: overlay.type, interface: overlay.interface ?? '', mtu: String(overlay.mtu) },
      hosts: Object.entries(overlay.hosts).map(([host, end]) => hostRow(host, end)),
    },
  };
}

function hostRow(host: string, { interface: card, bridge, address, absent }: Carrier): Row {
  return { host, interface: card ?? '', bridge: bridge ?? '', address: address ?? '', absent: absent === true ? 'true' : '' };
}

/** The template that a form describes. */
export function templateOf({ networks, overlay }: TemplateForm): NetworkTemplate {
  return {
    physical_networks: Object.fromEntries(networks.map(({ fields, hosts }) => [text(fields.name), networkOf(fields, hosts)])),
    overlay: {
      type: overlay.fields.type ?? 'geneve',
      interface: text(overlay.fields.interface) || null,
      mtu: Number(overlay.fields.mtu),
      hosts: Object.fromEntries(overlay.hosts.map((row) => [text(row.host), filled(row, ['interface', 'address'])])),
    },
  };
}

function networkOf(row: Row, hosts: readonly Row[]): PhysicalNetwork {
  return {
    flat: row.flat === 'true',
    vlans: text(row.vlans).split(/[\s,]+/).filter(Boolean),
    bridge: text(row.bridge),
    interface: text(row.interface) || null,
    mtu: text(row.mtu) === '' ? null : Number(row.mtu),
    hosts: Object.fromEntries(hosts.map((host) => [
      text(host.host), { ...filled(host, ['interface', 'bridge', 'address']), absent: host.absent === 'true' },
    ])),
  };
}

function filled(row: Row, names: readonly string[]): Record<string, string | null> {
  return Object.fromEntries(names.map((name) => [name, text(row[name]) || null]));
}

function text(value: string | undefined): string {
  return (value ?? '').trim();
}

/** What is wrong with a form, as the key of a text, and with which network; the region checks the rest. */
export function problemOf({ networks, overlay }: TemplateForm): { what: 'name' | 'twice' | 'neither' | 'bridge' | 'host' | 'hostTwice' | 'mtu'; network: string } | null {
  const names = networks.map(({ fields: row }) => text(row.name));
  for (const [place, { fields: row, hosts }] of networks.entries()) {
    const network = names[place] ?? '';
    if (network === '') return { what: 'name', network: String(place + 1) };
    if (names.indexOf(network) !== place) return { what: 'twice', network };
    if (row.flat !== 'true' && text(row.vlans) === '') return { what: 'neither', network };
    if (text(row.bridge) === '') return { what: 'bridge', network };
    const wrong = wrongHosts(hosts);
    if (wrong !== null) return { what: wrong, network };
  }
  const wrong = wrongHosts(overlay.hosts);
  if (wrong !== null) return { what: wrong, network: '' };
  return Number(overlay.fields.mtu) >= 1280 ? null : { what: 'mtu', network: '' };
}

/** An exception without a host, or two for one host: only the last of them would hold. */
function wrongHosts(hosts: readonly Row[]): 'host' | 'hostTwice' | null {
  const names = hosts.map(({ host }) => text(host));
  if (names.includes('')) return 'host';
  return new Set(names).size < names.length ? 'hostTwice' : null;
}
