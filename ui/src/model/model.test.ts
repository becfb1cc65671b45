import { describe, expect, it } from 'vitest';

import type { Node, Operation } from '../api/plane';
import type { Network, Port, Router } from '../api/types';
import { aServer } from '../testing/servers';
import { ago, bytes, duration } from './format';
import { formatOf } from './imageFormat';
import { keysyms } from './keys';
import { asLines, fromLines } from './metadata';
import { amountsOf, exceeded, fits, free, nearness, times } from './quota';
import { repositoryState, repositoryTrouble } from './repositories';
import { counts, haystackOf, lettersOf, matching, ordered, sortKey } from './rows';
import { portsText, ruleBody } from './rules';
import { find, foundAtProvider, foundInAdministration, foundInProject } from './search';
import { FOLD_AT, topology } from './topology';

const ROOMY = { instances: { used: 0, limit: -1 }, cores: { used: 0, limit: -1 }, ram: { used: 0, limit: -1 } };
const LIMITS = { instances: { used: 9, limit: 10 }, cores: { used: 10, limit: 20 }, ram: { used: 0, limit: -1 } };

describe('quotas', () => {
  it('know what is free', () => {
    expect(free({ used: 12, limit: 10 })).toBe(0);
    expect(free({ used: 12, limit: -1 })).toBe(Infinity);
    expect(nearness({ used: 0, limit: 0 })).toBe('full');
    expect(nearness({ used: 8, limit: 10 })).toBe('near');
  });
  it('say what a request exceeds', () => {
    const two = times(2, amountsOf({ cores: 6, ram: 1, ports: 1, volume: null }));
    expect(exceeded(LIMITS, two)).toEqual([{ what: 'instances', needed: 2, free: 1 }, { what: 'cores', needed: 12, free: 10 }]);
    expect(fits(LIMITS, amountsOf({ cores: 2, ram: 1, ports: 1, volume: null }))).toBe(1);
    expect(fits({ ram: { used: 0, limit: -1 } }, { ram: 1, instances: 1 })).toBe(Infinity);
  });
  it('of volumes and ports are asked, too', () => {
    const quotas = { ...ROOMY, volumes: { used: 9, limit: 10 }, gigabytes: { used: 90, limit: 100 }, port: { used: 495, limit: 500 } };
    const three = times(3, amountsOf({ cores: 1, ram: 1, ports: 2, volume: 4 }));
    expect(exceeded(quotas, three)).toEqual([
      { what: 'port', needed: 6, free: 5 }, { what: 'volumes', needed: 3, free: 1 }, { what: 'gigabytes', needed: 12, free: 10 },
    ]);
    expect(fits(quotas, amountsOf({ cores: 1, ram: 1, ports: 2, volume: 4 }))).toBe(1);
    expect(fits(quotas, amountsOf({ cores: 1, ram: 1, ports: 2, volume: null }))).toBe(2);
    expect(exceeded(quotas, times(2, amountsOf({ cores: 1, ram: 1, ports: 2, volume: null })))).toEqual([]);
  });
});

describe('rows', () => {
  const rows = Array.from({ length: 5000 }, (_, index) => ({ name: `web-${index}`, size: index % 7 }));
  const columns = [{ key: 'name', value: (row: (typeof rows)[0]) => row.name }, { key: 'size', value: (row: (typeof rows)[0]) => row.size }];
  it('are found by every word', () => {
    expect(matching(rows, rows.map(haystackOf(columns)), 'web-499').length).toBe(11);
    expect(matching(rows, rows.map(haystackOf(columns)), 'WEB-4999 1').map(({ name }) => name)).toEqual(['web-4999']);
  });
  it('are ordered as people count', () => {
    expect(ordered(rows, columns, { key: 'name', descending: true })[0]?.name).toBe('web-4999');
    expect(ordered(rows, columns, { key: 'size', descending: false })[0]?.size).toBe(0);
    expect(ordered(rows, columns, null)).toEqual(rows);
    const named = ['web-10', 'Web-9', 'Änne', 'anton', 'b'].map((name) => ({ name, size: 0 }));
    expect(ordered(named, columns, { key: 'name', descending: false }).map(({ name }) => name)).toEqual(['Änne', 'anton', 'b', 'Web-9', 'web-10']);
  });
  it('are not looked at again while the column is the same', () => {
    let looks = 0;
    const things = [{ name: 'b' }, { name: 'a' }];
    const column = { key: 'name', value: ({ name }: { name: string }) => { looks += 1; return name; } };
    expect(ordered(things, [column], { key: 'name', descending: false }).map(({ name }) => name)).toEqual(['a', 'b']);
    expect(ordered(things, [column], { key: 'name', descending: true }).map(({ name }) => name)).toEqual(['b', 'a']);
    expect(looks).toBe(2);
  });
  it('have keys in which numbers are filled up', () => {
    expect(sortKey('Web-9 of 10')).toBe('web-000000000000009 of 000000000000010');
    expect(sortKey('7')).toBe('000000000000007');
    expect(sortKey('1234567890123456789x')).toBe('1234567890123456789x');
    expect(sortKey('')).toBe('');
  });
  it('say how wide a column should be', () => {
    const column = (text: string, render?: unknown) => lettersOf({ key: 'a', title: 'Name', value: () => text, render }, rows);
    expect(column('')).toEqual({ wanted: 7, kept: 7 });
    expect(column('a'.repeat(20))).toEqual({ wanted: 20, kept: 12 });
    expect(column('a'.repeat(99))).toEqual({ wanted: 34, kept: 12 });
    expect(column('converging', true)).toEqual({ wanted: 16, kept: 12 });
    expect(column('2026-01-01T00:00:00Z', true)).toEqual({ wanted: 15, kept: 15 });
  });
  it('are counted', () => expect(counts(['a', 'b', 'a'], (one) => one)).toEqual([['a', 2], ['b', 1]]));
});

describe('formats', () => {
  it('say sizes and times as people do', () => {
    expect(bytes(1536)).toBe('1.5 KiB');
    expect(bytes(512)).toBe('512 B');
    expect(ago('2026-01-01T00:00:00', Date.parse('2026-01-01T02:00:00Z'))).toBe('2 hours ago');
    expect(duration('2026-01-01T00:00:00Z', '2026-01-01T00:01:05Z')).toBe('1 m 5 s');
  });
  it('read metadata as lines', () => {
    expect(fromLines(asLines({ b: '2', a: 'x=y' }))).toEqual({ pairs: { a: 'x=y', b: '2' } });
    expect(fromLines('a=1\nnonsense').wrong).toBe('nonsense');
  });
  it('know disk images by how they begin', () => {
    expect(formatOf(new Uint8Array([0x51, 0x46, 0x49, 0xfb]))).toBe('qcow2');
    expect(formatOf(new Uint8Array(512))).toBe('raw');
  });
  it('type text', () => expect(keysyms('a\n€')).toEqual([0x61, 0xff0d, 0x010020ac]));
});

describe('security group rules', () => {
  it('are made of what was chosen', () => {
    expect(ruleBody('g', { kind: 'ssh', remote: 'cidr', cidr: '::/0' })).toEqual({
      security_group_rule: {
        security_group_id: 'g', direction: 'ingress', ethertype: 'IPv6', description: '', protocol: 'tcp',
        port_range_min: 22, port_range_max: 22, remote_ip_prefix: '::/0',
      },
    });
    expect(ruleBody('g', { kind: 'custom', direction: 'egress', protocol: '', remote: 'group', group: 'h' })).toEqual({
      security_group_rule: { security_group_id: 'g', direction: 'egress', ethertype: 'IPv4', description: '', remote_group_id: 'h' },
    });
  });
  it('show their ports', () => {
    const rule = { id: '', direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', remote_ip_prefix: null, remote_group_id: null, description: '' } as const;
    expect(portsText({ ...rule, port_range_min: 1, port_range_max: 2 }, 'any')).toBe('1–2');
    expect(portsText({ ...rule, port_range_min: null, port_range_max: null }, 'any')).toBe('any');
  });
});

describe('search', () => {
  const all = foundInProject({ project: 'p', region: 'r' }, { instances: [aServer(), aServer({ id: 'i-2', name: 'web-10', addresses: {} })] });
  it('finds by name, address, MAC and identifier', () => {
    expect(find(all, 'web-1').map(({ title }) => title)).toEqual(['web-1', 'web-10']);
    expect(find(all, '10.0.0.5').map(({ title }) => title)).toEqual(['web-1']);
    expect(find(all, 'fa:16:3e:00:00:01').map(({ title }) => title)).toEqual(['web-1']);
    expect(find(all, 'i-2')[0]?.to).toBe('/project/p/r/instances/i-2');
    expect(find(all, '')).toEqual([]);
  });
  it('finds what has no page of its own in its list, a port at its instance, and names regions where there are several', () => {
    const port = { id: 'port-1', name: '', mac_address: 'fa:16:3e:00:00:09', network_id: 'n', device_id: 'i-1', device_owner: 'compute:nova', fixed_ips: [{ subnet_id: 's', ip_address: '10.0.0.9' }] } as unknown as Port;
    const things = foundInProject({ project: 'p', region: 'r2' }, { ports: [port], keypairs: [{ id: 'laptop', name: 'laptop', fingerprint: 'a1:b2', type: 'ssh', public_key: '' }] }, 'r2');
    expect(find(things, '10.0.0.9')).toMatchObject([{ to: '/project/p/r2/instances/i-1/nics', detail: 'r2 10.0.0.9' }]);
    expect(find(things, 'a1:b2')).toMatchObject([{ kind: 'Key pair', to: '/project/p/r2/keypairs?q=laptop' }]);
  });
  it('finds what administrators and providers look after', () => {
    const operation = { id: 'op-7', kind: 'host.attach', subject: 'demo/r/h' } as unknown as Operation;
    expect(find(foundInAdministration('r', { operations: [operation] }), 'op-7')).toMatchObject([{ title: 'Attach host', to: '/admin/r/operations/op-7' }]);
    expect(find(foundInAdministration('r', { users: [{ id: 'u-1', name: 'ann', enabled: true, domain_id: 'd' }] }), 'u-1')).toMatchObject([{ to: '/admin/r/users?q=ann' }]);
    expect(find(foundAtProvider({ operations: [operation], nodes: [{ name: 'n1', address: 'n1:7443' } as Node] }), 'n1')).toMatchObject([{ to: '/provider/nodes?q=n1' }]);
  });
});

describe('topology', () => {
  const network = { id: 'n', name: 'private', status: 'ACTIVE' } as Network;
  const outside = { id: 'x', name: 'public', status: 'ACTIVE', 'router:external': true } as Network;
  const router = { id: 'r', name: 'edge', status: 'ACTIVE', external_gateway_info: { network_id: 'x', external_fixed_ips: [] } } as unknown as Router;
  const port = (device: string, owner: string) => ({ network_id: 'n', device_id: device, device_owner: owner }) as Port;
  it('joins what is joined', () => {
    const { nodes, edges } = topology([network, outside], [router], [port('r', 'network:router_interface'), port('i-1', 'compute:nova')], [aServer()]);
    expect(nodes.map(({ kind }) => kind)).toEqual(['network', 'external', 'router', 'instance']);
    expect(edges.map(({ id }) => id)).toEqual(['x-r', 'r-n', 'n-i-1']);
  });
  it('folds many instances into one', () => {
    const servers = Array.from({ length: FOLD_AT + 1 }, (_, index) => aServer({ id: `i-${index}` }));
    const { nodes } = topology([network], [], servers.map(({ id }) => port(id, 'compute:nova')), servers);
    expect(nodes).toContainEqual(expect.objectContaining({ kind: 'folded', count: FOLD_AT + 1 }));
    expect(nodes.length).toBe(2);
  });
});

describe('places for backups', () => {
  it('are suspect where they could not be read whole, whatever else is the matter', () => {
    const well = { late: false, trouble: '', check_failure: '' };
    expect(repositoryState(well)).toBe('ok');
    expect(repositoryState({ ...well, late: true, trouble: 'It is gone.' })).toBe('late');
    const damaged = { late: true, trouble: 'It is gone.', check_failure: 'A pack is not what was written.' };
    expect([repositoryState(damaged), repositoryTrouble(damaged)]).toEqual(['suspect', 'A pack is not what was written. It is gone.']);
  });
});
