import { describe, expect, it } from 'vitest';

import { aServer } from '../testing/servers';
import { actionsFor, fateOfDisks, groupsFor, type InstanceAction, offers } from './instanceActions';

const inState = (state: string, task: string | null = null, locked = false) =>
  aServer({ 'OS-EXT-STS:vm_state': state, 'OS-EXT-STS:task_state': task, locked });

describe('actions that Nova offers', () => {
  const table: [string, InstanceAction[], InstanceAction[]][] = [
    ['active', ['stop', 'reboot', 'pause', 'suspend', 'resize', 'snapshot', 'console', 'delete'], ['start', 'unpause', 'confirmResize', 'restore']],
    ['stopped', ['start', 'hardReboot', 'resize', 'rebuild', 'snapshot', 'delete'], ['stop', 'reboot', 'pause', 'console']],
    ['paused', ['unpause', 'snapshot', 'delete'], ['start', 'stop', 'resize']],
    ['suspended', ['resume', 'delete'], ['start', 'pause']],
    ['resized', ['confirmResize', 'revertResize', 'delete'], ['resize', 'stop', 'snapshot']],
    ['rescued', ['unrescue', 'delete'], ['rescue', 'resize']],
    ['shelved_offloaded', ['unshelve', 'unshelveAt', 'delete'], ['start', 'shelve', 'console']],
    ['error', ['hardReboot', 'rebuild', 'delete'], ['start', 'pause', 'resize']],
    ['soft-delete', ['restore', 'forceDelete'], ['delete', 'start']],
    ['building', ['delete'], ['stop', 'console', 'resize']],
  ];
  it.each(table)('%s', (state, offered, refused) => {
    const actions = actionsFor(inState(state), false);
    expect(actions).toEqual(expect.arrayContaining(offered));
    for (const action of refused) expect(actions).not.toContain(action);
  });

  it('waits for a running task, except to delete and to reboot hard what hangs rebooting', () => {
    const busy = inState('active', 'rebooting');
    expect(offers(busy, 'stop', false)).toBe(false);
    expect(offers(busy, 'hardReboot', false)).toBe(true);
    expect(offers(busy, 'delete', false)).toBe(true);
    expect(offers(inState('active', 'deleting'), 'delete', true)).toBe(false);
  });

  it('keeps what is locked from its owner, not from an administrator', () => {
    const locked = inState('active', null, true);
    expect(offers(locked, 'stop', false)).toBe(false);
    expect(offers(locked, 'stop', true)).toBe(true);
    expect(offers(locked, 'unlock', false)).toBe(true);
    expect(offers(locked, 'lock', false)).toBe(false);
    expect(offers(locked, 'console', false)).toBe(true);
  });

  it.each<[InstanceAction, string]>([
    ['rebuild', 'active'], ['rescue', 'stopped'], ['shelve', 'active'], ['evacuate', 'error'], ['migrate', 'active'], ['liveMigrate', 'active'],
  ])('does not make over what was made outside: %s', (action, state) => {
    const from = (metadata: Record<string, string>) => ({ ...inState(state), metadata });
    expect(offers(from({ 'aloft:provenance': 'discovered' }), action, true)).toBe(false);
    expect(offers(from({ 'aloft:provenance': 'rebuilt' }), action, true)).toBe(true);
    expect(offers(from({}), action, true)).toBe(true);
  });

  it('operates what was made outside as any other', () => {
    const adopted = aServer({ metadata: { 'aloft:provenance': 'discovered' } });
    for (const action of ['stop', 'reboot', 'pause', 'resize', 'snapshot', 'attachVolume', 'console', 'delete'] as const) {
      expect(offers(adopted, action, false)).toBe(true);
    }
  });

  it('ends or completes a live migration while there is one', () => {
    for (const action of ['abortMigration', 'completeMigration'] as const) {
      expect(offers(inState('active', 'migrating'), action, true)).toBe(true);
      expect(offers(inState('active', 'migrating'), action, false)).toBe(false);
      expect(offers(inState('active'), action, true)).toBe(false);
      expect(offers(inState('active', 'rebooting'), action, true)).toBe(false);
    }
  });

  it('leaves moving instances to administrators', () => {
    expect(offers(inState('active'), 'liveMigrate', false)).toBe(false);
    expect(offers(inState('active'), 'liveMigrate', true)).toBe(true);
  });
});

describe('what deleting does to disks', () => {
  it('tells those that go from those that stay', () => {
    const server = aServer({ 'os-extended-volumes:volumes_attached': [{ id: 'a', delete_on_termination: true }, { id: 'b', delete_on_termination: false }] });
    const fate = fateOfDisks(server, [{ id: 'a', name: 'root', size: 10 }, { id: 'b', name: 'data', size: 50 }]);
    expect(fate).toEqual({ deleted: [{ id: 'a', name: 'root', size: 10 }], kept: [{ id: 'b', name: 'data', size: 50 }], local: [{ path: '', size: 20, goes: true }] });
  });

  it('knows no disk on the host when the root is a volume', () => {
    expect(fateOfDisks(aServer({ image: '' }), []).local).toEqual([]);
  });

  it('knows that disks which were there before stay, unless their user said otherwise', () => {
    const stays = (metadata: Record<string, string>) =>
      fateOfDisks(aServer({ image: '', metadata: { 'aloft:provenance': 'discovered', ...metadata } }), []).local.map(({ goes }) => goes);
    expect(stays({})).toEqual([false]);
    expect(stays({ 'aloft:delete_disks': 'yes' })).toEqual([true]);
  });

  it('tells each disk as sync does, but volumes and drives', () => {
    const disk = { target: 'vda', path: '/a', device: 'disk', bytes: 5 * 2 ** 29, volume: '', fate: 'kept' as const, reason: '' };
    const told = [disk, { ...disk, path: '/b', fate: 'deleted' as const }, { ...disk, volume: 'v' }, { ...disk, device: 'cdrom' }];
    expect(fateOfDisks(aServer(), [], told).local).toEqual([{ path: '/a', size: 3, goes: false }, { path: '/b', size: 3, goes: true }]);
  });
});

describe('groups of actions', () => {
  it('are there whatever the state; placing instances is for administrators', () => {
    expect(groupsFor(true)).toEqual(['power', 'settings', 'lifecycle', 'placement']);
    expect(groupsFor(false)).toEqual(['power', 'settings', 'lifecycle']);
  });
});
