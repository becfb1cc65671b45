/** A made-up plane. */

const at = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();
const step = (name, state) => ({ name, state, started: at(3), ended: state === 'done' ? at(2) : null, detail: '' });

const operations = [
  { id: 'o1', kind: 'host.attach', customer: 'demo', subject: 'demo/demo-1/host-2', actor: 'host:demo/demo-1/host-2', state: 'running', steps: [step('Sign the certificate and grant the roles', 'done'), step('Bring the roles about on the host', 'running')], progress: 0.5, error: null, resumable: true, revision: 2, created: at(3), started: at(3), ended: null },
  { id: 'o2', kind: 'region.create', customer: 'demo', subject: 'demo/demo-2', actor: 'account:root', state: 'failed', steps: [step('Claim a slot', 'failed')], progress: 0.1, error: { code: 'temporary', message: 'The node has no free slot.', remedy: 'Wait until one is prepared.' }, resumable: true, revision: 2, created: at(50), started: at(50), ended: at(49) },
];
const region = (customer, name, phase) => ({
  customer, name, release: '2026.2', node: 'node-1', slot: 1, identity: true, services: { volume: true, octavia: false }, limits: { memory_mib: null, cpu_cores: null }, generation: 1, phase, endpoints: { compute: `https://compute.${name}.${customer}.aloft.internal` },
  components: ['keystone', 'nova-api', 'neutron-api', 'glance-api'].map((one) => ({ name: one, state: phase === 'degraded' && one === 'nova-api' ? 'failed' : 'ready', pid: 1, since: Date.now() / 1000 - 5000, restarts: 0, reason: '' })), error: null, created: at(9000), ready: at(8990),
});
const customers = ['demo', 'acme', 'globex'].map((name, index) => ({ name, display_name: ['Demo', 'ACME Corporation', 'Globex'][index], state: 'active', created: at(9000), regions: [region(name, `${name}-1`, index === 2 ? 'degraded' : 'ready')] }));
const hosts = ['ok', 'ok', 'converging', 'pending', 'missing'].map((state, index) => ({
  customer: 'demo', region: 'demo-1', name: `host-${index}`, roles: index === 3 ? [] : ['hypervisor', 'network'], state, generation: 2, reported_generation: state === 'ok' ? 2 : 1,
  report: index === 3 ? {} : { hypervisor: { state: state === 'ok' ? 'ok' : 'converging', step: state === 'ok' ? '' : 'Install libvirt', done: state === 'ok' ? 1 : 0.4, reason: '', remedy: '' }, network: { state: 'ok', step: '', done: 1, reason: '', remedy: '' } },
  facts: { address: `192.0.2.${10 + index}`, cpus: 32, memory_mib: 131072, system: 'Debian GNU/Linux 12', kernel: '6.1.0-28' }, created: at(9000 - index), reported: at(index === 4 ? 240 : 0.2),
}));

const node = (name, own, state, controllers) => ({ name, own, address: own ? 'unix:/run/aloft/node.sock' : `${name}.example:7443`, state, detail: state === 'up' ? '' : `The node ${name} does not answer.`, controllers, seen: state === 'up' ? at(0) : null });
const nodes = [node('node-1', true, 'up', 3), node('node-2', false, 'up', 0), node('node-3', false, 'down', 0)];

/** The answer `[status, body]` of a made-up plane, or nothing. */
export function planeAnswer(method, path, body) {
  const items = { '/operations': operations, '/customers': customers, '/hosts': hosts, '/regions': customers.flatMap(({ regions }) => regions), '/releases': [{ name: '2026.1', pins: '', node: 'node-1', state: 'absent', detail: '' }, { name: '2026.2', pins: '', node: 'node-1', state: 'ready', detail: '' }], '/nodes': nodes }[path];
  if (method === 'GET' && items !== undefined) return [200, { items }];
  if (method === 'GET' && path === '/upgrade-wave') return [200, { operation: null, customers: customers.map(({ name, regions }, index) => ({ customer: name, release: regions[0].release, pins: '', kept: index === 1 ? '2026.1' : '', since: index === 1 ? at(90) : null, operation: null })) }];
  if (path === '/audit') return [200, { items: [{ id: 2, at: at(2), actor: 'account:root', action: 'customer.credentials', subject: 'demo', customer: 'demo', outcome: 'accepted', detail: {} }, { id: 1, at: at(5), actor: 'customer:demo/ann', action: 'host.write', subject: '/v1/hosts', customer: 'demo', outcome: 'refused', detail: {} }] }];
  if (path === '/status') return [200, { healthy: false, node: nodes[0], peers: nodes.slice(1), shared: ['mariadb', 'rabbitmq', 'edge', 'plane'].map((name) => ({ name, state: 'ready', pid: 1, since: 0, restarts: 0, reason: '' })), regions: customers.flatMap(({ regions }) => regions).map((one) => ({ customer: one.customer, region: one.name, release: one.release, node: one.node, phase: one.phase, error: null, components: one.components })), hosts: hosts.map((one) => ({ customer: one.customer, region: one.region, host: one.name, state: one.state })) }];
  if (path === '/nodes/invitations') return [201, { name: 'node-1', address: 'node-1.example:7443', invitation: 'bWFkZSB1cA'.repeat(200) }];
  if (path === '/nodes' && method === 'POST') return [201, nodes[1]];
  if (path.endsWith('/move')) return [202, { operation: { ...operations[0], kind: 'customer.move' } }];
  if (path.endsWith('/host-tokens')) return method === 'GET' ? [200, { items: [] }] : [201, { id: 't1', roles: body.roles, uses_left: 1, created_by: 'ann', created: at(0), expires: at(-60), token: 'aloft-host-made-up', plane_url: 'https://plane.aloft.internal', authority: '' }];
  if (path.endsWith('/roles')) return [202, { operation: operations[0] }];
  return undefined;
}
