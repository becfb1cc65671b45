import { describe, expect, it } from 'vitest';

import { actionState, actionTask, operationTask } from '../shell/recent';
import { arranged, type Task } from '../shell/tasks';
import { aServer } from '../testing/servers';
import { endsSession, errorOf, isUnreachable } from './errors';
import { staleAfter, withInstance } from './events';
import type { Operation } from './plane';

describe('errors of the APIs', () => {
  it.each([
    ['the portal', 401, '{"error": {"code": "session_ended", "message": "Over.", "remedy": "Log in."}}', 'Over.'],
    ['Nova', 400, '{"badRequest": {"code": 400, "message": "Invalid flavor."}}', 'Invalid flavor.'],
    ['Neutron', 409, '{"NeutronError": {"type": "InUse", "message": "Network in use.", "detail": ""}}', 'Network in use.'],
    ['Keystone', 403, '{"error": {"code": 403, "message": "Forbidden.", "title": "Forbidden"}}', 'Forbidden.'],
    ['Placement', 404, '{"errors": [{"detail": "No such provider."}]}', 'No such provider.'],
    ['a proxy', 503, '<html><h1>503</h1></html>', 'The service is not available at the moment.'],
  ])('of %s are told in one form', (_of, status, body, message) => {
    const error = errorOf(status, body);
    expect(error.message).toBe(message);
    expect(error.remedy).not.toBe('');
  });
  it('say what to do in the portal, not at a command line', () => {
    const remedy = (text: string) => errorOf(409, JSON.stringify({ error: { code: 'conflict', message: 'Busy.', remedy: text } })).remedy;
    expect(remedy('Watch it with `aloft operation watch 5` and try again when it has ended.')).toMatch(/task bar/);
    expect(remedy('Name it with --physical NAME.')).toBe(errorOf(409, '').remedy);
    expect(remedy('Give it another name.')).toBe('Give it another name.');
  });
  it('name operations as the rest of the portal does', () => {
    const message = (text: string) => errorOf(409, JSON.stringify({ error: { code: 'conflict', message: text, remedy: '' } })).message;
    expect(message('The operation backup.run on demo has not ended yet.')).toBe('The operation “Back up” on demo has not ended yet.');
    expect(message('There is no host web.example here.')).toBe('There is no host web.example here.');
  });
  it('tell a session that ended from a region that is down', () => {
    expect(endsSession(errorOf(401, '{"error": {"code": "session_ended", "message": "", "remedy": ""}}'))).toBe(true);
    expect(isUnreachable(errorOf(502, '{"error": {"code": "region_unreachable", "message": "Down.", "remedy": ""}}'))).toBe(true);
    expect(endsSession(errorOf(403, '{}'))).toBe(false);
  });
});

describe('events', () => {
  it('make stale what shows the thing, in its region', () => {
    const event = { kind: 'volume', region: 'r', id: 'v' };
    expect(staleAfter(event, ['volume', 'r', 'p', 'list'])).toBe(true);
    expect(staleAfter(event, ['volume', 'other', 'p', 'list'])).toBe(false);
    expect(staleAfter(event, ['image', 'r', 'p', 'list'])).toBe(false);
  });
  it('leave the list of instances to the one that changed', () => {
    const event = { kind: 'instance', region: 'r', id: 'i-1' };
    expect(staleAfter(event, ['instance', 'r', 'p', 'list', {}])).toBe(false);
    expect(staleAfter(event, ['instance', 'r', 'p', 'i-1', '/path'])).toBe(true);
    expect(staleAfter(event, ['instance', 'r', 'p', 'limits'])).toBe(true);
  });
  it('put an instance in its place, add one and take one out', () => {
    const rows = [aServer(), aServer({ id: 'i-2' })];
    expect(withInstance(rows, 'i-2', aServer({ id: 'i-2', name: 'new' })).map(({ name }) => name)).toEqual(['web-1', 'new']);
    expect(withInstance(rows, 'i-3', aServer({ id: 'i-3' })).map(({ id }) => id)).toEqual(['i-3', 'i-1', 'i-2']);
    expect(withInstance(rows, 'i-1', undefined).map(({ id }) => id)).toEqual(['i-2']);
  });
});

describe('the task bar', () => {
  const action = { action: 'stop', instance_uuid: 'i', request_id: 'r', user_id: 'u', project_id: 'p', start_time: '2026-01-01T00:00:00', updated_at: null, message: null };
  const step = (end: string | null, result: string | null) => ({ event: 'compute__do', start_time: '', finish_time: end, result });
  it('knows how an action stands', () => {
    expect(actionState({ ...action, events: [] })).toBe('running');
    expect(actionState({ ...action, events: [step('later', 'Success'), step(null, null)] })).toBe('running');
    expect(actionState({ ...action, events: [step('later', 'Success')] })).toBe('succeeded');
    expect(actionState({ ...action, events: [step('later', 'Error')] })).toBe('failed');
  });
  it('ends what was under way when its instance was deleted', () => {
    const scope = { project: 'p', region: 'r' };
    const who = () => 'ann';
    const task = (name: string, gone: boolean) => actionTask({ ...action, action: name, events: [step(null, null)] }, 'web-1', who, scope, gone);
    expect(task('stop', false)).toMatchObject({ state: 'running', who: 'ann', link: '/project/p/r/instances/i' });
    expect(task('stop', true)).toMatchObject({ state: 'failed', error: 'The instance was deleted meanwhile.', link: undefined });
    expect(task('delete', true)).toMatchObject({ state: 'succeeded', error: undefined });
  });
  it('shows what runs first, then the latest', () => {
    const task = (id: string, state: Task['state'], started: string): Task => ({ id, state, started, title: '', subject: '', who: '' });
    const tasks = [task('old', 'succeeded', '2026-01-01'), task('new', 'failed', '2026-01-03'), task('busy', 'running', '2026-01-02')];
    expect(arranged(tasks).map(({ id }) => id)).toEqual(['busy', 'new', 'old']);
  });
  it('tells why an operation failed', () => {
    const operation = { id: 'o', kind: 'host.attach', subject: 'h', actor: 'account:root', state: 'failed', error: { code: '', message: 'No.', remedy: 'Wait.' }, created: '', ended: null, progress: 0 } as unknown as Operation;
    expect(operationTask(operation)).toMatchObject({ title: 'Attach host', who: 'root', state: 'failed', error: 'No. Wait.' });
  });
});
