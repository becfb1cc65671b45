/** Finding anything by name, address or identifier. Pure. */
import type { Customer, Host } from '../api/plane';
import { adminPath, pathIn, providerHostPath, type Scope } from '../api/scope';
import type { Session } from '../api/session';
import type { FloatingIp, Image, Network, Router, SecurityGroup, Server, Subnet, Volume } from '../api/types';
import type { NavGroup } from '../shell/navigation';
import { texts } from '../texts';

export interface Found {
  kind: string;
  id: string;
  title: string;
  detail: string;
  to: string;
  /** More by which it is found. */
  words?: string;
}

export interface ProjectThings {
  instances?: Server[];
  volumes?: Volume[];
  images?: Image[];
  networks?: Network[];
  subnets?: Subnet[];
  routers?: Router[];
  floating?: FloatingIp[];
  groups?: SecurityGroup[];
}

/** All addresses of an instance. */
export function addressesOf(server: Server): string[] {
  return Object.values(server.addresses).flatMap((list) => list.map(({ addr }) => addr));
}

/** What can be found of the pages themselves. */
export function foundPages(groups: readonly NavGroup[]): Found[] {
  return groups.flatMap(({ title: group, links }) =>
    links.map(({ title, to }) => ({ kind: texts.search.kinds.page, id: '', title, detail: group, to })));
}

/** What can be found of a project. */
export function foundInProject(scope: Scope, things: ProjectThings): Found[] {
  const { kinds } = texts.search;
  const ranges = new Map<string, string[]>();
  for (const { network_id: network, cidr } of things.subnets ?? []) ranges.set(network, [...(ranges.get(network) ?? []), cidr]);
  const entry = (kind: string, part: string, id: string, title: string, detail: string, words = ''): Found =>
    ({ kind, id, title: title || id, detail, words, to: pathIn(scope, part, id) });
  const listed = (kind: string, part: string, id: string, title: string, detail: string, words = ''): Found =>
    ({ kind, id, title: title || id, detail, words, to: `${pathIn(scope, part)}?q=${encodeURIComponent(title || id)}` });
  return [
    ...(things.instances ?? []).map((one) => {
      const macs = Object.values(one.addresses).flatMap((list) => list.map((address) => address['OS-EXT-IPS-MAC:mac_addr'] ?? ''));
      return entry(kinds.instance, 'instances', one.id, one.name, addressesOf(one).join(' '), macs.join(' '));
    }),
    ...(things.volumes ?? []).map((one) => listed(kinds.volume, 'volumes', one.id, one.name, `${one.size} GiB`)),
    ...(things.images ?? []).map((one) => listed(kinds.image, 'images', one.id, one.name ?? '', one.visibility)),
    ...(things.networks ?? []).map((one) => entry(kinds.network, 'networks', one.id, one.name, (ranges.get(one.id) ?? []).join(' '))),
    ...(things.routers ?? []).map((one) => entry(kinds.router, 'routers', one.id, one.name,
      one.external_gateway_info?.external_fixed_ips.map(({ ip_address: ip }) => ip).join(' ') ?? '')),
    ...(things.floating ?? []).map((one) => listed(kinds.floatingIp, 'floating-ips', one.id, one.floating_ip_address, one.fixed_ip_address ?? '')),
    ...(things.groups ?? []).map((one) => entry(kinds.securityGroup, 'security-groups', one.id, one.name, one.description)),
  ];
}

/** What can be found of the plane. */
export function foundInPlane(session: Session, hosts: readonly Host[] = [], customers: readonly Customer[] = []): Found[] {
  const { kinds } = texts.search;
  const provider = session.face === 'provider';
  return [
    ...hosts.map(({ name, region, customer, facts }) => ({
      kind: kinds.host, id: `${region}/${name}`, title: name, detail: provider ? `${customer} · ${region}` : region,
      words: typeof facts.address === 'string' ? facts.address : '',
      to: provider ? providerHostPath({ customer, region, name }) : adminPath(region, 'hosts', name),
    })),
    ...customers.map(({ name, display_name: title }) => ({
      kind: kinds.customer, id: name, title, detail: name, to: `/provider/customers/${encodeURIComponent(name)}`,
    })),
  ];
}

/** What holds every word, best first: a title that begins with the text, then one that holds it, then the rest. */
export function find(everything: readonly Found[], text: string): Found[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === '') return [];
  const words = wanted.split(/\s+/);
  const rank = ({ title, id }: Found) => {
    const name = title.toLowerCase();
    return name === wanted || id.toLowerCase() === wanted ? 0 : name.startsWith(wanted) ? 1 : name.includes(wanted) ? 2 : 3;
  };
  return everything
    .filter((one) => {
      const all = `${one.kind} ${one.title} ${one.detail} ${one.id} ${one.words ?? ''}`.toLowerCase();
      return words.every((word) => all.includes(word));
    })
    .sort((a, b) => rank(a) - rank(b) || a.title.length - b.title.length);
}
