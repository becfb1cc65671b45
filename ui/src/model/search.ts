/** Finding anything by name, address or identifier. Pure. */
import type { Customer, Host, Node, Operation, Repository } from '../api/plane';
import { adminPath, pathIn, providerHostPath, type Scope } from '../api/scope';
import type {
  Aggregate, Flavor, FloatingIp, Image, Keypair, Network, Port, Project, Router, SecurityGroup, Server, Subnet, User, Volume, VolumeSnapshot,
} from '../api/types';
import type { NavGroup } from '../shell/navigation';
import { operationText, texts } from '../texts';
import { mebibytes } from './format';

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
  instances?: readonly Server[];
  volumes?: readonly Volume[];
  snapshots?: readonly VolumeSnapshot[];
  images?: readonly Image[];
  keypairs?: readonly Keypair[];
  networks?: readonly Network[];
  subnets?: readonly Subnet[];
  ports?: readonly Port[];
  routers?: readonly Router[];
  floating?: readonly FloatingIp[];
  groups?: readonly SecurityGroup[];
}

export interface AdministratorsThings {
  flavors?: readonly Flavor[];
  aggregates?: readonly Aggregate[];
  projects?: readonly Project[];
  users?: readonly User[];
  hosts?: readonly Host[];
  operations?: readonly Operation[];
}

export interface ProvidersThings {
  customers?: readonly Customer[];
  hosts?: readonly Host[];
  nodes?: readonly Node[];
  repositories?: readonly Repository[];
  operations?: readonly Operation[];
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

/** What can be found of a project in a region; `where` names these where there are several. */
export function foundInProject(scope: Scope, things: ProjectThings, where = ''): Found[] {
  const { kinds } = texts.search;
  const made = (kind: string, id: string, title: string, detail: string, to: string, words: string): Found =>
    ({ kind, id, title: title || id, detail: [where, detail].filter(Boolean).join(' '), words, to });
  const entry = (kind: string, part: string, id: string, title: string, detail: string, words = '') =>
    made(kind, id, title, detail, pathIn(scope, part, id), words);
  const listed = (kind: string, part: string, id: string, title: string, detail: string, words = '') =>
    made(kind, id, title, detail, withWords(pathIn(scope, part), title || id), words);
  return [
    ...(things.instances ?? []).map((one) => {
      const macs = Object.values(one.addresses).flatMap((list) => list.map((address) => address['OS-EXT-IPS-MAC:mac_addr'] ?? ''));
      return entry(kinds.instance, 'instances', one.id, one.name, addressesOf(one).join(' '), macs.join(' '));
    }),
    ...(things.volumes ?? []).map((one) => listed(kinds.volume, 'volumes', one.id, one.name, `${one.size} GiB`)),
    ...(things.snapshots ?? []).map((one) => listed(kinds.snapshot, 'snapshots', one.id, one.name, `${one.size} GiB`)),
    ...(things.images ?? []).map((one) => listed(kinds.image, 'images', one.id, one.name ?? '', one.visibility)),
    ...(things.keypairs ?? []).map((one) => listed(kinds.keypair, 'keypairs', one.name, one.name, one.fingerprint)),
    ...(things.networks ?? []).map((one) => entry(kinds.network, 'networks', one.id, one.name, '')),
    ...(things.subnets ?? []).map((one) => made(kinds.subnet, one.id, one.name, one.cidr, pathIn(scope, 'networks', one.network_id), one.gateway_ip ?? '')),
    ...(things.ports ?? []).map((one) => {
      const to = one.device_owner.startsWith('compute:') ? pathIn(scope, 'instances', one.device_id, 'nics') : pathIn(scope, 'networks', one.network_id);
      return made(kinds.port, one.id, one.name || one.mac_address, one.fixed_ips.map(({ ip_address: ip }) => ip).join(' '), to, one.mac_address);
    }),
    ...(things.routers ?? []).map((one) => entry(kinds.router, 'routers', one.id, one.name,
      one.external_gateway_info?.external_fixed_ips.map(({ ip_address: ip }) => ip).join(' ') ?? '')),
    ...(things.floating ?? []).map((one) => listed(kinds.floatingIp, 'floating-ips', one.id, one.floating_ip_address, one.fixed_ip_address ?? '')),
    ...(things.groups ?? []).map((one) => entry(kinds.securityGroup, 'security-groups', one.id, one.name, one.description)),
  ];
}

/** What can be found of what administrators look after; the pages are those of `region` where a thing is of none. */
export function foundInAdministration(region: string, things: AdministratorsThings, named = false): Found[] {
  const { kinds } = texts.search;
  const listed = (kind: string, part: string, id: string, title: string, detail: string): Found =>
    ({ kind, id, title, detail, to: withWords(adminPath(region, part), title) });
  const here = named ? `${region} ` : '';
  return [
    ...(things.flavors ?? []).map((one) => listed(kinds.flavor, 'flavors', one.id, one.name, `${here}${one.vcpus} vCPU ${mebibytes(one.ram)}`)),
    ...(things.aggregates ?? []).map((one) => listed(kinds.aggregate, 'aggregates', String(one.id), one.name, here + one.hosts.join(' '))),
    ...(things.projects ?? []).map((one) => listed(kinds.project, 'projects', one.id, one.name, one.description)),
    ...(things.users ?? []).map((one) => listed(kinds.user, 'users', one.id, one.name, one.email ?? '')),
    ...(things.hosts ?? []).map((one) => foundHost(one, one.region, adminPath(one.region, 'hosts', one.name))),
    ...(things.operations ?? []).map((one) => foundOperation(one, adminPath(region, 'operations', one.id))),
  ];
}

/** What can be found of what the provider looks after. */
export function foundAtProvider(things: ProvidersThings): Found[] {
  const { kinds } = texts.search;
  const at = (...parts: string[]) => `/provider/${parts.map(encodeURIComponent).join('/')}`;
  return [
    ...(things.customers ?? []).map(({ name, display_name: title, regions }) =>
      ({ kind: kinds.customer, id: name, title, detail: name, words: regions.map((one) => one.name).join(' '), to: at('customers', name) })),
    ...(things.hosts ?? []).map((one) => foundHost(one, `${one.customer} · ${one.region}`, providerHostPath(one))),
    ...(things.nodes ?? []).map(({ name, address }) => ({ kind: kinds.node, id: name, title: name, detail: address, to: withWords(at('nodes'), name) })),
    ...(things.repositories ?? []).map(({ name, url }) => ({ kind: kinds.repository, id: name, title: name, detail: url, to: at('repositories', name) })),
    ...(things.operations ?? []).map((one) => foundOperation(one, at('operations', one.id))),
  ];
}

function withWords(path: string, words: string): string {
  return `${path}?q=${encodeURIComponent(words)}`;
}

function foundHost({ name, region, facts }: Host, detail: string, to: string): Found {
  return { kind: texts.search.kinds.host, id: `${region}/${name}`, title: name, detail, words: typeof facts.address === 'string' ? facts.address : '', to };
}

function foundOperation({ id, kind, subject }: Operation, to: string): Found {
  return { kind: texts.search.kinds.operation, id, title: operationText(kind), detail: subject, to };
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
