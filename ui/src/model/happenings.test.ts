import { describe, expect, it } from 'vitest';

import type { PortalEvent } from '../api/events';
import type { Task } from '../shell/tasks';
import { followed, linesAfter, turnedBad } from './happenings';

const SCOPE = { project: 'p', region: 'r' };
const event = (change: Partial<PortalEvent>): PortalEvent =>
  ({ id: 'v', kind: 'volume', region: 'r', project: 'p', what: 'created', status: 'creating', name: 'data', actor: 'bob', actor_id: 'b', at: 'then', ...change });
const line = (change: Partial<Task>): Task =>
  ({ id: 'volume/v/created', title: 'Create volume', subject: 'data', who: 'ann', state: 'accepted', started: 'before', ...change });
const after = (change: Partial<PortalEvent>, tasks: Task[] = []) => linesAfter(event(change), tasks, SCOPE, 'me');

describe('what others do', () => {
  it('is a line until its state says how it ended', () => {
    const [begun] = after({});
    expect(begun).toMatchObject({ id: 'volume/v/created', title: 'Create volume', subject: 'data', who: 'bob', state: 'accepted', link: '/project/p/r/volumes?q=data' });
    expect(after({ status: 'available' }, begun && [begun])).toMatchObject([{ id: 'volume/v/created', state: 'succeeded', ended: 'then' }]);
    expect(after({ what: 'changed', status: 'error' }, begun && [begun])).toMatchObject([{ id: 'volume/v/created', state: 'failed', error: 'It ended in the state Error.' }]);
  });
  it('is told of networks and routers with their pages', () => {
    expect(after({ kind: 'router', id: 'x', status: 'ACTIVE', name: 'edge' })).toMatchObject([{ title: 'Create router', state: 'succeeded', link: '/project/p/r/routers/x' }]);
    expect(after({ kind: 'network', what: 'deleted', status: undefined })).toMatchObject([{ title: 'Delete network', state: 'succeeded', link: undefined }]);
    expect(after({ kind: 'network', what: 'changed', status: 'ACTIVE' })).toMatchObject([{ title: 'Change network' }]);
  });
  it('is not told where it is none of this project, of no interest, or by nobody', () => {
    expect(after({ project: 'other' })).toEqual([]);
    expect(after({ region: 'other' })).toEqual([]);
    expect(after({ kind: 'port' })).toEqual([]);
    expect(after({ actor: undefined, actor_id: undefined })).toEqual([]);
    expect(after({ what: 'changed', status: 'in-use', actor_id: 'me' })).toEqual([]);
  });
  it('is told of images, though Glance does not say by whom', () => {
    expect(after({ kind: 'image', actor: undefined, actor_id: undefined, status: 'queued' })).toMatchObject([{ title: 'Create image', who: '', state: 'accepted' }]);
  });
});

describe('what was accepted', () => {
  it('ends as the thing does', () => {
    expect(after({ status: 'available' }, [line({})])).toMatchObject([{ who: 'ann', state: 'succeeded' }]);
    expect(after({ status: 'downloading' }, [line({})])).toEqual([]);
    expect(after({ what: 'deleted' }, [line({})])).toMatchObject([{ id: 'volume/v/created', state: 'failed' }, { id: 'volume/v/deleted', state: 'succeeded' }]);
  });
  it('is a deletion until the thing is gone', () => {
    const deletion = line({ id: 'volume/v/deleted' });
    expect(after({ what: 'changed', status: 'deleting' }, [deletion])).toEqual([]);
    expect(after({ what: 'changed', status: 'available' }, [deletion])).toEqual([]);
    expect(after({ what: 'deleted' }, [deletion])).toMatchObject([{ state: 'succeeded' }]);
    expect(after({ what: 'changed', status: 'error_deleting' }, [deletion])).toMatchObject([{ state: 'failed' }]);
  });
});

describe('a request', () => {
  it.each<[string, Parameters<typeof followed>, ReturnType<typeof followed>]>([
    ['that makes a volume goes on', ['volume', 'POST', '/v3/volumes', {}, { volume: { id: 'v' } }], { line: 'volume/v/created', goesOn: true }],
    ['that deletes a volume goes on', ['volume', 'DELETE', '/v3/volumes/v', undefined, undefined], { line: 'volume/v/deleted', goesOn: true }],
    ['that extends one goes on', ['volume', 'POST', '/v3/volumes/v/action', { 'os-extend': {} }, undefined], { line: 'volume/v/changed', goesOn: true }],
    ['that makes one bootable is done', ['volume', 'POST', '/v3/volumes/v/action', { 'os-set_bootable': {} }, undefined], { line: 'volume/v/changed', goesOn: false }],
    ['that makes a network is done', ['network', 'POST', '/v2.0/networks', {}, { network: { id: 'n' } }], { line: 'network/n/created', goesOn: false }],
    ['of Glance is told by its own identifier', ['image', 'POST', '/v2/images', {}, { id: 'i' }], { line: 'image/i/created', goesOn: false }],
    ['of which nothing is told is not followed', ['compute', 'PUT', '/v2.1/servers/i', {}, {}], null],
    ['of a rule is not one of its group', ['network', 'POST', '/v2.0/security-group-rules', {}, { security_group_rule: { id: 'x' } }], null],
  ])('%s', (_what, request, expected) => expect(followed(...request)).toEqual(expected));
});

describe('an instance in error', () => {
  it('is told once, and again after it was well', () => {
    const bad = new Set(['old']);
    const turned = (id: string, status: string, what: PortalEvent['what'] = 'changed') => turnedBad(event({ kind: 'instance', id, status, what }), bad);
    expect([turned('i', 'active'), turned('i', 'error'), turned('i', 'error'), turned('i', 'active'), turned('i', 'error')]).toEqual([false, true, false, false, true]);
    expect([turned('old', 'error'), turned('j', 'error', 'deleted')]).toEqual([false, false]);
  });
});
