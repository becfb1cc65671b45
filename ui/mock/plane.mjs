/** A made-up plane. */

const at = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();
const step = (name, state) => ({ name, state, started: at(3), ended: state === 'done' ? at(2) : null, detail: '' });

const operations = [
  { id: 'o1', kind: 'host.attach', customer: 'demo', subject: 'demo/demo-1/host-2', actor: 'host:demo/demo-1/host-2', state: 'running', steps: [step('Sign the certificate and grant the roles', 'done'), step('Bring the roles about on the host', 'running')], progress: 0.5, error: null, resumable: true, result: {}, revision: 2, created: at(3), started: at(3), ended: null },
  { id: 'o2', kind: 'region.create', customer: 'demo', subject: 'demo/demo-2', actor: 'account:root', state: 'failed', steps: [step('Claim a slot', 'failed')], progress: 0.1, error: { code: 'temporary', message: 'The node has no free slot.', remedy: 'Wait until one is prepared.' }, resumable: true, result: {}, revision: 2, created: at(50), started: at(50), ended: at(49) },
];
const region = (customer, name, phase) => ({
  customer, name, release: '2026.2', node: 'node-1', slot: 1, identity: true, services: { volume: true, octavia: false }, limits: { memory_mib: null, cpu_cores: null }, generation: 1, phase, endpoints: { compute: `https://compute.${name}.${customer}.aloft.internal` },
  components: ['keystone', 'nova-api', 'neutron-api', 'glance-api'].map((one) => ({ name: one, state: phase === 'degraded' && one === 'nova-api' ? 'failed' : 'ready', pid: 1, since: Date.now() / 1000 - 5000, restarts: 0, reason: '' })), error: null, created: at(9000), ready: at(8990),
});
const customers = ['demo', 'acme', 'globex'].map((name, index) => ({ name, display_name: ['Demo', 'ACME Corporation', 'Globex'][index], state: 'active', created: at(9000), regions: [region(name, `${name}-1`, index === 2 ? 'degraded' : 'ready')] }));
const hosts = ['ok', 'ok', 'converging', 'pending', 'missing'].map((state, index) => ({
  customer: 'demo', region: 'demo-1', name: `host-${index}`, roles: index === 3 ? [] : ['hypervisor', 'network'], state, generation: 2, reported_generation: state === 'ok' ? 2 : 1,
  report: index === 3 ? {} : { hypervisor: { state: state === 'ok' ? 'ok' : 'converging', step: state === 'ok' ? '' : 'Install libvirt', done: state === 'ok' ? 1 : 0.4, reason: '', remedy: '' }, network: { state: 'ok', step: '', done: 1, reason: '', remedy: '' } },
  since: at(30), step: '', done: null, reason: state === 'missing' ? 'Nothing was heard of it for 4 minutes.' : '', remedy: '', drained: index === 1, warnings: [], lacks: {}, software: { release: '2026.2', wanted: { 'aloft-agent': '0.2' }, running: { 'aloft-agent': index === 2 ? '0.1' : '0.2' } },
  facts: { address: `192.0.2.${10 + index}`, cpus: 32, memory_mib: 131072, system: 'Debian GNU/Linux 12', kernel: '6.1.0-28' }, created: at(9000 - index), reported: at(index === 4 ? 240 : 0.2),
}));

const node = (name, own, state, controllers) => ({ name, own, address: own ? 'unix:/run/aloft/node.sock' : `${name}.example:7443`, state, detail: state === 'up' ? '' : `The node ${name} does not answer.`, controllers, seen: state === 'up' ? at(0) : null });
const nodes = [node('node-1', true, 'up', 3), node('node-2', false, 'up', 0), node('node-3', false, 'down', 0)];

const backup = (customer, state, hours) => ({ id: `b-${customer}-${hours}`, customer, state, detail: state === 'suspect' ? 'The table nova.instances differs.' : '', repository: 'local', node: 'node-1', snapshot: '0123456789abcdef', bytes_read: 91_000_000, bytes_added: 700_000, copies: { far: state === 'suspect' ? 'no room' : '' }, made: at(60 * hours), proved: state === 'proved' ? at(60 * hours - 20) : null });
const repositories = [{ name: 'local', url: '/var/lib/aloft/backup/local', role: 'primary', shipped: at(0.5), trouble: '', late: false, behind_seconds: 30 }, { name: 'far', url: 'sftp:backup@far.example:/srv/aloft', role: 'secondary', shipped: at(70), trouble: 'far.example does not answer.', late: true, behind_seconds: 4200 }];
const plan = { from: '2026.1', release: '2026.2', pause_seconds: 4, pause_basis: 'as the last 3 switches on this node', things: 412, changes: { 'acme-1': { came: ['nova.shares', 'glance.locations'], went: ['neutron.old'] } }, packages: [['nova', '33.0.0', '34.0.1'], ['neutron', '28.0.0', '29.0.0'], ['oslo.messaging', '17.1.0', '17.3.0']].map(([name, before, after]) => ({ name, before, after })), unwell: ['host-4'], checks: [['nova', 'Success', ''], ['cinder', 'Warning', 'There are services whose version is not known.']].map(([project, verdict, detail]) => ({ project, verdict, detail })) };
const upgradeOperation = (kind, state, steps, result) => ({ id: `u-${kind}`, kind, customer: 'acme', subject: 'acme', actor: 'account:root', state, steps, progress: state === 'running' ? 0.4 : 1, error: null, resumable: true, created: at(20), started: at(20), ended: state === 'running' ? null : at(18), result });
const planned = upgradeOperation('upgrade.plan', 'succeeded', [step('copy the metadata', 'done'), step('migrate', 'done')], plan);
const upgrading = upgradeOperation('upgrade.start', 'running', [step('copy the metadata', 'done'), { ...step('migrate', 'running'), detail: 'nova: 40 of 77' }], {});
const rollout = (halted) => ({ release: '2026.2', packages: { 'aloft-agent': '0.2', 'openstack-2026.2': '5' }, halted, hosts: ['settled', 'trial', 'waiting', halted === '' ? 'settled' : 'reverted'].map((progress, index) => ({ name: `host-${index}`, progress, release: progress === 'settled' || progress === 'trial' ? '2026.2' : '2026.1', packages: { 'aloft-agent': '0.2' }, reason: progress === 'reverted' ? 'a role failed' : '' })) });
const rebuilt = { at: Date.now() / 1000 - 900, rebuilt: { network: 3, subnet: 3, port: 44, router: 1, 'security group': 4, instance: 40 }, missing: [{ name: 'db-0007', uuid: 'aaaa', host: 'host-4', reason: 'host-4 has not been heard of' }], lost: [{ kind: 'key pair', which: '', what: 'all of them' }, { kind: 'quota', which: '', what: 'projects’ limits in Nova' }] };
const settings = { services: { 'demo-1': { cinder: true, octavia: false } }, access: { portal: ['192.0.2.0/24'], api: [], links: [] }, confirm_until: at(-2), window: { days: ['sat', 'sun'], at: '01:00', hours: 4 }, window_open: false, log_days: 14, bounds: { services: null, access: true, keep_days: 365, log_days: 90, window_hours: 2 } };

/** What is told of everything else, by the end of its path. */
const ELSE = [
  [/\/backups$/, { items: [backup('demo', 'proved', 3), backup('acme', 'made', 5), backup('globex', 'suspect', 4)] }], [/^\/repositories$/, { items: repositories }],
  [/\/snapshots$/, { items: [{ id: '0123456789abcdef', customer: 'acme', made: at(300), original: '' }] }], [/\/backup-policy$/, { customer: 'acme', enabled: true, at: '02:30', keep_days: 30 }],
  [/^\/accounts$/, { items: [{ name: 'root', roles: ['admin'], disabled: false, created: at(9000) }, { name: 'ann', roles: ['operator'], disabled: true, created: at(900) }] }],
  [/acme\/upgrade$/, { customer: 'acme', release: '2026.1', pins: '', kept: '', since: null, operation: upgrading }], [/\/upgrade$/, { customer: 'demo', release: '2026.2', pins: '', kept: '2026.1', since: at(90), operation: null }],
  [/acme-1\/rollout$/, rollout('host-3 went back: a role failed')], [/\/rollout$/, rollout('')], [/\/sync\/rebuilt$/, rebuilt], [/\/settings$/, settings], [/\/history$/, { items: [{ id: 1, at: at(30), state: 'ok', before: 'converging', detail: '', remedy: '' }] }],
  [/\/instances$/, { items: [] }], [/\/logs\//, '2026-11-23 12:00:00 INFO ready\n'.repeat(40)], [/\/operations\/u-upgrade.plan$/, planned], [/\/operations\/u-upgrade.start$/, upgrading],
  [/\/network-template$/, { physical_networks: { external: { flat: true, vlans: ['100-199'], bridge: 'br-ex', interface: 'eth1', mtu: null, hosts: { 'host-1': { interface: 'eth2' } } } }, overlay: { type: 'geneve', interface: null, mtu: 1500, hosts: {} } }],
];

/** The answer `[status, body]` of a made-up plane, or nothing. */
export function planeAnswer(method, path, body) {
  const items = { '/operations': [...operations, upgrading, planned], '/customers': customers, '/hosts': hosts, '/regions': customers.flatMap(({ regions }) => regions), '/releases': [{ name: '2026.1', pins: '', node: 'node-1', state: 'absent', detail: '' }, { name: '2026.2', pins: '', node: 'node-1', state: 'ready', detail: '' }], '/nodes': nodes }[path];
  if (method === 'GET' && items !== undefined) return [200, { items }];
  if (method === 'GET' && path === '/upgrade-wave') return [200, { operation: null, customers: customers.map(({ name, regions }, index) => ({ customer: name, release: regions[0].release, pins: '', kept: index === 1 ? '2026.1' : '', since: index === 1 ? at(90) : null, operation: null })) }];
  if (path === '/audit') return [200, { items: [{ id: 2, at: at(2), actor: 'account:root', action: 'customer.credentials', subject: 'demo', customer: 'demo', outcome: 'accepted', detail: {} }, { id: 1, at: at(5), actor: 'customer:demo/ann', action: 'host.write', subject: '/v1/hosts', customer: 'demo', outcome: 'refused', detail: {} }] }];
  if (path === '/status') return [200, { healthy: false, node: nodes[0], peers: nodes.slice(1), shared: ['mariadb', 'rabbitmq', 'edge', 'plane'].map((name) => ({ name, state: 'ready', pid: 1, since: 0, restarts: 0, reason: '' })), regions: customers.flatMap(({ regions }) => regions).map((one) => ({ customer: one.customer, region: one.name, release: one.release, node: one.node, phase: one.phase, error: null, components: one.components })), hosts: hosts.map((one) => ({ customer: one.customer, region: one.region, host: one.name, state: one.state })), backups: ['ok', 'late', 'suspect'].map((state, index) => ({ customer: customers[index].name, state, age_seconds: 9000, proved: index === 0, copies: {} })), repositories }];
  if (path === '/nodes/invitations') return [201, { name: 'node-1', address: 'node-1.example:7443', invitation: 'bWFkZSB1cA'.repeat(200) }];
  if (path === '/nodes' && method === 'POST') return [201, nodes[1]];
  if (path.endsWith('/move')) return [202, { operation: { ...operations[0], kind: 'customer.move' } }];
  if (path.endsWith('/host-tokens')) return method === 'GET' ? [200, { items: [] }] : [201, { id: 't1', roles: body.roles, uses_left: 1, created_by: 'ann', created: at(0), expires: at(-60), token: 'aloft-host-made-up', plane_url: 'https://plane.aloft.internal', authority: '' }];
  if (path.endsWith('/roles')) return [202, { operation: operations[0] }];
  const told = method === 'GET' ? ELSE.find(([end]) => end.test(path)) : undefined;
  return told === undefined ? undefined : [200, told[1]];
}
