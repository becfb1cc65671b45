/** Made-up OpenStack APIs: enough of them for every page to have something to show. */

const hour = 3_600_000;
const past = (hours) => new Date(Date.now() - hours * hour).toISOString().slice(0, 19) + 'Z';
const uuid = (kind, number) => `${kind}-0000-4000-8000-${String(number).padStart(12, '0')}`.padStart(36, '0');

/** The made-up world, with that many instances. */
export function world(count) {
  const flavors = [[1, 512, 1, 'micro'], [1, 2048, 20, 'small'], [2, 4096, 40, 'medium'], [4, 8192, 80, 'large'], [16, 65536, 200, 'huge']]
    .map(([vcpus, ram, disk, name], index) => ({ id: `f${index}`, name, vcpus, ram, disk, swap: '', 'OS-FLV-EXT-DATA:ephemeral': 0, 'os-flavor-access:is_public': name !== 'huge', description: null, extra_specs: {} }));
  const images = [['debian-12', 'qcow2', 334], ['ubuntu-24.04', 'qcow2', 612], ['windows-2025', 'qcow2', 5200]].map(([name, format, size], index) => ({
    id: uuid('1111', index), name, status: index === 2 ? 'saving' : 'active', visibility: 'public', protected: false, owner: 'p1', size: size * 2 ** 20,
    virtual_size: 3 * 2 ** 30, disk_format: format, container_format: 'bare', min_disk: 0, min_ram: 0, created_at: past(400 + index),
  }));
  const networks = [['private', false], ['database', false], ['public', true]].map(([name, external], index) => ({
    id: uuid('2222', index), name, status: 'ACTIVE', admin_state_up: true, shared: false, 'router:external': external, subnets: [uuid('3333', index)], mtu: 1442,
    project_id: 'p1', 'provider:network_type': external ? 'flat' : 'geneve', 'provider:physical_network': external ? 'external' : null, 'provider:segmentation_id': external ? null : 100 + index,
  }));
  const subnets = networks.map(({ id, name }, index) => ({
    id: uuid('3333', index), name: `${name}-subnet`, network_id: id, cidr: index === 2 ? '172.24.4.0/24' : `10.${index}.0.0/16`, ip_version: 4,
    gateway_ip: index === 2 ? '172.24.4.1' : `10.${index}.0.1`, enable_dhcp: index !== 2, dns_nameservers: ['9.9.9.9'], allocation_pools: [{ start: `10.${index}.0.2`, end: `10.${index}.255.254` }], project_id: 'p1',
  }));
  const routers = [{ id: uuid('4444', 0), name: 'edge', status: 'ACTIVE', admin_state_up: true, project_id: 'p1', external_gateway_info: { network_id: networks[2].id, external_fixed_ips: [{ ip_address: '172.24.4.20' }], enable_snat: true } }];
  const statuses = [['ACTIVE', 'active', 1], ['ACTIVE', 'active', 1], ['ACTIVE', 'active', 1], ['SHUTOFF', 'stopped', 4], ['ACTIVE', 'active', 1], ['PAUSED', 'paused', 3], ['VERIFY_RESIZE', 'resized', 1], ['ERROR', 'error', 0]];
  const servers = Array.from({ length: count }, (_, index) => {
    const [status, vm, power] = statuses[index % statuses.length];
    const flavor = flavors[index % 4];
    return {
      id: uuid('aaaa', index), name: `${['web', 'db', 'worker', 'build', 'mail'][index % 5]}-${String(index).padStart(4, '0')}`, status, tenant_id: 'p1', user_id: 'u1', created: past(index + 2), updated: past(1),
      description: null, locked: index === 4, locked_reason: null, key_name: 'laptop', config_drive: '', tags: index % 7 === 0 ? ['production'] : [], metadata: { owner: 'team-a' },
      addresses: { private: [{ addr: `10.0.${Math.floor(index / 250)}.${(index % 250) + 3}`, version: 4, 'OS-EXT-IPS:type': 'fixed', 'OS-EXT-IPS-MAC:mac_addr': `fa:16:3e:00:${(index >> 8).toString(16).padStart(2, '0')}:${(index & 255).toString(16).padStart(2, '0')}` }] },
      flavor: { original_name: flavor.name, vcpus: flavor.vcpus, ram: flavor.ram, disk: flavor.disk, ephemeral: 0, swap: 0 }, image: index % 3 === 0 ? '' : { id: images[index % 2].id }, security_groups: [{ name: 'default' }],
      ...(status === 'ERROR' ? { fault: { code: 500, message: 'No valid host was found. There are not enough hosts available.', created: past(2) } } : {}),
      'OS-EXT-STS:vm_state': vm, 'OS-EXT-STS:task_state': null, 'OS-EXT-STS:power_state': power, 'OS-EXT-AZ:availability_zone': 'nova', 'OS-EXT-SRV-ATTR:host': `host-${index % 3}`, 'OS-EXT-SRV-ATTR:instance_name': `instance-${index}`,
      'OS-SRV-USG:launched_at': past(index + 2), 'os-extended-volumes:volumes_attached': index % 3 === 0 ? [{ id: uuid('bbbb', index % 9), delete_on_termination: index % 2 === 0 }] : [],
    };
  });
  const ports = servers.slice(0, 400).map(({ id, addresses }, index) => ({
    id: uuid('5555', index), name: '', status: 'ACTIVE', network_id: networks[index % 6 === 5 ? 1 : 0].id, mac_address: addresses.private[0]['OS-EXT-IPS-MAC:mac_addr'], fixed_ips: [{ subnet_id: subnets[0].id, ip_address: addresses.private[0].addr }],
    device_id: id, device_owner: 'compute:nova', security_groups: ['sg0'], admin_state_up: true, project_id: 'p1',
  }));
  for (const network of [0, 1]) {
    ports.push({ id: uuid('6666', network), name: '', status: 'ACTIVE', network_id: networks[network].id, mac_address: 'fa:16:3e:ff:00:01', fixed_ips: [{ subnet_id: subnets[network].id, ip_address: `10.${network}.0.1` }], device_id: routers[0].id, device_owner: 'network:router_interface', security_groups: [], admin_state_up: true, project_id: 'p1' });
  }
  const volumes = Array.from({ length: 9 }, (_, index) => ({
    id: uuid('bbbb', index), name: `data-${index}`, description: null, status: index % 3 === 0 ? 'in-use' : 'available', size: 10 * (index + 1), volume_type: 'lvm', bootable: index % 2 ? 'true' : 'false', encrypted: false, multiattach: false,
    availability_zone: 'nova', created_at: past(50 + index), snapshot_id: null, attachments: index % 3 === 0 ? [{ server_id: uuid('aaaa', index), attachment_id: uuid('cccc', index), device: '/dev/vdb', volume_id: uuid('bbbb', index) }] : [], metadata: {},
  }));
  return {
    project: 'p1', projects: [{ id: 'p1', name: 'shop', description: 'The web shop', enabled: true, domain_id: 'default' }, { id: 'p2', name: 'research', description: '', enabled: true, domain_id: 'default' }],
    users: ['admin', 'ann', 'bob'].map((name, index) => ({ id: `u${index + 1}`, name, email: `${name}@example.org`, enabled: index !== 2, domain_id: 'default' })),
    roles: ['admin', 'member', 'reader'].map((name) => ({ id: `r-${name}`, name })), flavors, images, networks, subnets, routers, servers, ports, volumes,
    snapshots: [{ id: uuid('dddd', 0), name: 'before-upgrade', description: null, status: 'available', size: 20, volume_id: volumes[1].id, created_at: past(5) }],
    keypairs: [{ keypair: { name: 'laptop', fingerprint: 'a1:b2:c3:d4:e5:f6', type: 'ssh', public_key: 'ssh-ed25519 AAAA laptop' } }],
    floatingips: [{ id: uuid('7777', 0), floating_ip_address: '172.24.4.101', fixed_ip_address: '10.0.0.3', floating_network_id: networks[2].id, port_id: ports[0]?.id ?? null, status: 'ACTIVE', description: '', project_id: 'p1' }, { id: uuid('7777', 1), floating_ip_address: '172.24.4.102', fixed_ip_address: null, floating_network_id: networks[2].id, port_id: null, status: 'DOWN', description: '', project_id: 'p1' }],
    groups: [{ id: 'sg0', name: 'default', description: 'Default security group', project_id: 'p1', security_group_rules: [{ id: 'r0', direction: 'egress', ethertype: 'IPv4', protocol: null, port_range_min: null, port_range_max: null, remote_ip_prefix: null, remote_group_id: null, description: '' }, { id: 'r1', direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: 22, port_range_max: 22, remote_ip_prefix: '0.0.0.0/0', remote_group_id: null, description: 'SSH' }] }],
    aggregates: [{ id: 1, name: 'ssd', availability_zone: 'nova', hosts: ['host-0', 'host-1'], metadata: { ssd: 'true' } }],
    services: [0, 1, 2].map((index) => ({ id: `s${index}`, binary: 'nova-compute', host: `host-${index}`, zone: 'nova', status: index === 2 ? 'disabled' : 'enabled', state: 'up', disabled_reason: index === 2 ? 'maintenance' : null, forced_down: false, updated_at: past(0) })),
  };
}

const EFFECTS = {
  'os-start': ['powering-on', 'ACTIVE', 'active', 1], 'os-stop': ['powering-off', 'SHUTOFF', 'stopped', 4], reboot: ['rebooting', 'ACTIVE', 'active', 1], pause: ['pausing', 'PAUSED', 'paused', 3],
  unpause: ['unpausing', 'ACTIVE', 'active', 1], suspend: ['suspending', 'SUSPENDED', 'suspended', 7], resume: ['resuming', 'ACTIVE', 'active', 1], confirmResize: [null, 'ACTIVE', 'active', 1], revertResize: ['resize_reverting', 'ACTIVE', 'active', 1],
};

function act(state, server, body, tell) {
  const [name] = Object.keys(body);
  const effect = EFFECTS[name];
  if (name === 'lock' || name === 'unlock') server.locked = name === 'lock';
  if (effect !== undefined) {
    [server['OS-EXT-STS:task_state']] = effect;
    const event = { kind: 'instance', id: server.id, what: 'changed', name: server.name };
    tell(event);
    setTimeout(() => {
      [server.status, server['OS-EXT-STS:vm_state'], server['OS-EXT-STS:power_state']] = effect.slice(1);
      server['OS-EXT-STS:task_state'] = null;
      tell(event);
    }, 1500);
  }
}

const usage = (used, limit) => ({ used, limit, reserved: 0 });

/** The answer `[status, body]` of a made-up API, or nothing. */
export function openstackAnswer(state, method, region, service, path, parameters, body, tell) {
  const empty = region === 'demo-2' || state.project !== 'p1';
  const rows = (list) => (empty ? [] : list);
  const [, , kind, id, more, last] = path.split('/');
  if (service === 'compute') {
    if (kind === 'servers' && id === 'detail') {
      const start = parameters.get('marker') === null ? 0 : state.servers.findIndex((one) => one.id === parameters.get('marker')) + 1;
      const all = rows(state.servers);
      const page = all.slice(start, start + 1000);
      return [200, { servers: page, ...(start + 1000 < all.length ? { servers_links: [{ rel: 'next', href: '' }] } : {}) }];
    }
    if (kind === 'servers' && method === 'POST' && id === undefined) return [202, { server: { id: state.servers[0].id } }];
    const server = state.servers.find((one) => one.id === id);
    if (kind === 'servers' && server === undefined) return [404, { itemNotFound: { code: 404, message: `Instance ${id} could not be found.` } }];
    if (kind === 'servers' && more === 'os-instance-actions') {
      const action = { action: 'create', instance_uuid: id, request_id: 'req-1', user_id: 'u1', project_id: 'p1', start_time: past(1), updated_at: past(0.98), message: null, events: [{ event: 'compute__do_build_and_run_instance', start_time: past(1), finish_time: past(0.98), result: server.status === 'ERROR' ? 'Error' : 'Success' }] };
      return [200, last === undefined ? { instanceActions: [action] } : { instanceAction: action }];
    }
    if (more === 'os-volume_attachments') return [200, { volumeAttachments: server['os-extended-volumes:volumes_attached'].map((one) => ({ volumeId: one.id, device: '/dev/vdb', delete_on_termination: one.delete_on_termination, tag: null })) }];
    if (more === 'action' && body['os-getConsoleOutput'] !== undefined) return [200, { output: '[    0.000000] Linux version 6.1.0-28-cloud-amd64\n[    0.000000] Command line: console=ttyS0\n[    1.2] Welcome\n' }];
    if (more === 'action') { act(state, server, body, tell); return [202]; }
    if (kind === 'servers' && method === 'DELETE') { state.servers = state.servers.filter((one) => one !== server); tell({ kind: 'instance', id, what: 'deleted', name: server.name }); return [204]; }
    if (kind === 'servers') return [200, { server }];
    if (kind === 'flavors') return [200, { flavors: state.flavors }];
    if (kind === 'os-keypairs') return [200, { keypairs: state.keypairs }];
    if (kind === 'os-availability-zone') return [200, { availabilityZoneInfo: [{ zoneName: 'nova', zoneState: { available: true }, hosts: { 'host-0': {}, 'host-1': {} } }] }];
    if (kind === 'os-aggregates') return [200, { aggregates: state.aggregates }];
    if (kind === 'os-services') return [200, { services: state.services }];
    if (kind === 'os-quota-sets') return [200, { quota_set: { instances: { in_use: 8, limit: 10 }, cores: { in_use: 12, limit: 20 }, ram: { in_use: 20480, limit: 51200 } } }];
    if (kind === 'limits') return [200, { limits: { absolute: empty ? { maxTotalInstances: 10, maxTotalCores: 20, maxTotalRAMSize: 51200 } : { totalInstancesUsed: 41, maxTotalInstances: 50, totalCoresUsed: 76, maxTotalCores: 80, totalRAMUsed: 90112, maxTotalRAMSize: -1 } } }];
  }
  if (service === 'volume') {
    const start = { volumes: 'volumes', snapshots: 'snapshots' }[kind];
    if (start !== undefined && method === 'GET') return [200, { [start]: rows(state[start]) }];
    if (kind === 'types') return [200, { volume_types: [{ id: 't', name: 'lvm' }] }];
    if (kind === 'os-quota-sets') return [200, { quota_set: { volumes: { in_use: 9, limit: 10 }, gigabytes: { in_use: 450, limit: 1000 }, snapshots: { in_use: 1, limit: 10 } } }];
    if (kind === 'limits') return [200, { limits: { absolute: { totalVolumesUsed: empty ? 0 : 9, maxTotalVolumes: 10, totalSnapshotsUsed: 1, maxTotalSnapshots: 10, totalGigabytesUsed: 450, maxTotalVolumeGigabytes: 1000 } } }];
  }
  if (service === 'image' && kind === 'images') return method === 'GET' ? [200, { images: state.images }] : [201, { id: 'new-image' }];
  if (service === 'network') {
    if (kind === 'quotas') return [200, { quota: { network: usage(2, 100), subnet: usage(2, 100), port: usage(42, 500), router: usage(1, 10), floatingip: usage(2, 50), security_group: usage(1, 10) } }];
    if (method !== 'GET') return [200, {}];
    const lists = { networks: 'networks', subnets: 'subnets', routers: 'routers', floatingips: 'floatingips', ports: 'ports' };
    if (kind === 'ports' && parameters.get('device_id') !== null) return [200, { ports: state.ports.filter((port) => port.device_id === parameters.get('device_id')) }];
    if (kind === 'security-groups') return [200, { security_groups: rows(state.groups) }];
    if (lists[kind] !== undefined) return [200, { [kind]: rows(state[lists[kind]]) }];
  }
  if (service === 'identity') {
    if (kind === 'role_assignments') return [200, { role_assignments: state.users.map(({ id: user, name }) => ({ role: { id: 'r-member', name: 'member' }, user: { id: user, name }, scope: { project: { id: 'p1', name: 'shop' } } })) }];
    if (['projects', 'users', 'roles'].includes(kind) && method === 'GET') return [200, { [kind]: state[kind] }];
  }
  return undefined;
}
