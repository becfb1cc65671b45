/** What a person asks for on the page that creates instances, and Nova's form of it. Pure. */

export type SourceKind = 'image' | 'snapshot' | 'volume';

/** Sizes in GiB. */
export interface InstanceRequest {
  name: string;
  description: string;
  count: number;
  region: string;
  zone: string;
  source: { kind: SourceKind; id: string; name: string };
  /** Put the root disk on a new volume of this size; `null`: on the host. Only from an image. */
  rootVolume: { size: number; deleteWithInstance: boolean } | null;
  flavor: { id: string; name: string };
  networks: { id: string; name: string }[];
  securityGroups: { id: string; name: string }[];
  key: string;
  userData: string;
  configDrive: boolean;
}

/** The empty page. */
export function newRequest(region: string): InstanceRequest {
  return {
    name: '', description: '', count: 1, region, zone: '', source: { kind: 'image', id: '', name: '' },
    rootVolume: null, flavor: { id: '', name: '' }, networks: [], securityGroups: [], key: '', userData: '', configDrive: false,
  };
}

/** What of a request holds in another region, too: all but what each region has of its own. */
export function inRegion({ name, description, count, userData, configDrive, source: { kind } }: InstanceRequest, region: string): InstanceRequest {
  return { ...newRequest(region), name, description, count, userData, configDrive, source: { kind, id: '', name: '' } };
}

/** GiB of the new volume that an instance's root disk is put on; `null` where there is none. */
export function newVolume({ source: { kind, id }, rootVolume }: InstanceRequest, snapshots: readonly { id: string; size: number }[]): number | null {
  if (kind === 'snapshot') return snapshots.find((one) => one.id === id)?.size ?? null;
  return kind === 'image' ? (rootVolume?.size ?? null) : null;
}

export type Problem = 'name' | 'count' | 'source' | 'flavor' | 'network' | 'rootVolume' | 'userData' | 'volumeCount';

const USER_DATA_BYTES = 65535;

/** What is still missing or wrong, before anything is sent. */
export function problems(wanted: InstanceRequest): Problem[] {
  const found: Problem[] = [];
  if (wanted.name.trim() === '' || wanted.name.length > 255) found.push('name');
  if (!Number.isInteger(wanted.count) || wanted.count < 1 || wanted.count > 1000) found.push('count');
  if (wanted.source.id === '') found.push('source');
  if (wanted.flavor.id === '') found.push('flavor');
  if (wanted.networks.length === 0) found.push('network');
  if (wanted.rootVolume !== null && wanted.rootVolume.size < 1) found.push('rootVolume');
  if (base64(wanted.userData).length > USER_DATA_BYTES) found.push('userData');
  if (wanted.source.kind === 'volume' && wanted.count > 1) found.push('volumeCount');
  return found;
}

/** The body of `POST /v2.1/servers`. */
export function serverBody(wanted: InstanceRequest): Record<string, unknown> {
  const server: Record<string, unknown> = {
    name: wanted.name.trim(),
    flavorRef: wanted.flavor.id,
    networks: wanted.networks.map(({ id }) => ({ uuid: id })),
    min_count: wanted.count,
    max_count: wanted.count,
  };
  if (wanted.description !== '') server.description = wanted.description;
  if (wanted.zone !== '') server.availability_zone = wanted.zone;
  if (wanted.key !== '') server.key_name = wanted.key;
  if (wanted.userData !== '') server.user_data = base64(wanted.userData);
  if (wanted.configDrive) server.config_drive = true;
  if (wanted.securityGroups.length > 0) server.security_groups = wanted.securityGroups.map(({ id }) => ({ name: id }));
  const disks = blockDevices(wanted);
  if (disks === null) server.imageRef = wanted.source.id;
  else server.block_device_mapping_v2 = disks;
  return { server };
}

function blockDevices({ source, rootVolume }: InstanceRequest): Record<string, unknown>[] | null {
  const root = { boot_index: 0, uuid: source.id, destination_type: 'volume' };
  if (source.kind === 'volume') return [{ ...root, source_type: 'volume', delete_on_termination: false }];
  if (source.kind === 'snapshot') {
    return [{ ...root, source_type: 'snapshot', delete_on_termination: rootVolume?.deleteWithInstance ?? true }];
  }
  if (rootVolume === null) return null;
  return [{ ...root, source_type: 'image', volume_size: rootVolume.size, delete_on_termination: rootVolume.deleteWithInstance }];
}

/** A word of a command line that the shell takes as it is. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The same request as a command line of `openstack`. */
export function asCommandLine(wanted: InstanceRequest): string {
  const words: string[][] = [['openstack', '--os-region-name', wanted.region, 'server', 'create']];
  const disks = blockDevices(wanted);
  words.push(['--flavor', wanted.flavor.name]);
  if (disks === null) words.push(['--image', wanted.source.id]);
  for (const disk of disks ?? []) words.push(['--block-device', Object.entries(disk).map(([key, value]) => `${key}=${String(value)}`).join(',')]);
  for (const network of wanted.networks) words.push(['--network', network.id]);
  for (const group of wanted.securityGroups) words.push(['--security-group', group.id]);
  if (wanted.key !== '') words.push(['--key-name', wanted.key]);
  if (wanted.zone !== '') words.push(['--availability-zone', wanted.zone]);
  if (wanted.description !== '') words.push(['--description', wanted.description]);
  if (wanted.configDrive) words.push(['--use-config-drive']);
  if (wanted.count > 1) words.push(['--min', String(wanted.count), '--max', String(wanted.count)]);
  if (wanted.userData !== '') words.push(['--user-data', 'user-data.txt']);
  words.push([wanted.name.trim()]);
  const command = words.map((part) => part.map(shellWord).join(' ')).join(' \\\n  ');
  if (wanted.userData === '') return command;
  const data = wanted.userData.replace(/\n$/, '');
  const end = endOf(data);
  return `cat > user-data.txt <<'${end}'\n${data}\n${end}\n${command}`;
}

/** A line that ends a here-document of this text: one that is not in it. */
function endOf(text: string): string {
  const lines = new Set(text.split('\n'));
  let end = 'END';
  while (lines.has(end)) end += '_';
  return end;
}

/** A quoted text of Terraform's language (HCL): escapes, and no templates. */
export function hclText(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t')
    .replaceAll(/[$%](?=\{)/g, (sign) => sign + sign);
  return `"${escaped}"`;
}

/** The same request for Terraform's provider terraform-provider-openstack/openstack. */
export function asTerraform(wanted: InstanceRequest): string {
  const label = wanted.name.trim().toLowerCase().replaceAll(/[^a-z0-9_-]+/g, '_').replace(/^(?![a-z_])/, '_') || 'instance';
  const lines: string[] = [];
  const set = (name: string, value: string) => lines.push(`  ${name} = ${value}`);
  if (wanted.count > 1) set('count', String(wanted.count));
  const name = wanted.name.trim();
  set('name', wanted.count > 1 ? `${hclText(name).slice(0, -1)}-\${count.index + 1}"` : hclText(name));
  set('region', hclText(wanted.region));
  set('flavor_name', hclText(wanted.flavor.name));
  const disks = blockDevices(wanted);
  if (disks === null) set('image_id', hclText(wanted.source.id));
  if (wanted.key !== '') set('key_pair', hclText(wanted.key));
  if (wanted.zone !== '') set('availability_zone', hclText(wanted.zone));
  if (wanted.configDrive) set('config_drive', 'true');
  if (wanted.securityGroups.length > 0) set('security_groups', `[${wanted.securityGroups.map((g) => hclText(g.name)).join(', ')}]`);
  if (wanted.userData !== '') set('user_data', hclText(wanted.userData));
  for (const disk of disks ?? []) {
    lines.push('', '  block_device {');
    for (const [key, value] of Object.entries(disk)) {
      lines.push(`    ${key} = ${typeof value === 'string' ? hclText(value) : String(value)}`);
    }
    lines.push('  }');
  }
  for (const network of wanted.networks) lines.push('', '  network {', `    uuid = ${hclText(network.id)}`, '  }');
  return `resource "openstack_compute_instance_v2" ${hclText(label)} {\n${lines.join('\n')}\n}\n`;
}

/** UTF-8 text in base64. */
export function base64(text: string): string {
  return btoa(String.fromCodePoint(...new TextEncoder().encode(text)));
}
