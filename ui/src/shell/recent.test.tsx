import { screen } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { PortalEvent } from '../api/events';
import { answering, aSession, showPage } from '../testing/pages';
import { Toasts } from './Notices';
import { useHostNotices, useInstanceTasks, useThingTasks } from './recent';
import { TaskBar } from './TaskBar';
import { forgetTasks, notify, run, tellTasks, type Task } from './tasks';

const listeners = vi.hoisted(() => new Set<(event: PortalEvent) => void>());
vi.mock('../api/events', async (original) => ({
  ...await original<object>(),
  onEvent: (listener: (event: PortalEvent) => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
}));

const happen = (event: Partial<PortalEvent>) => {
  for (const listener of listeners) listener({ id: 'i', kind: 'instance', region: 'r1', project: 'p', what: 'changed', at: new Date().toISOString(), ...event });
};

function Watching() {
  const scope = { project: 'p', region: 'r1' };
  useInstanceTasks(scope);
  useThingTasks(scope);
  useHostNotices();
  return <><Toasts /><TaskBar /></>;
}

const NOW = new Date().toISOString();
const action = (result: string | null, user: string) => ({
  action: 'create', instance_uuid: 'i', request_id: 'r', user_id: user, project_id: 'p', start_time: NOW, updated_at: NOW, message: null,
  events: [{ event: 'compute__do', start_time: NOW, finish_time: NOW, result, details: result === 'Error' ? 'No valid host was found.' : null }],
});

function show({ result, user = 'b0b0b0b0b0', administrator = true }: { result?: string; user?: string; administrator?: boolean }) {
  answering((_method, path) => {
    if (path.includes('/os-instance-actions/')) return { instanceAction: action(result ?? null, user) };
    if (path.includes('/os-instance-actions')) return { instanceActions: result === undefined ? [] : [action(result, user)] };
    return { servers: [], users: [{ id: 'b0b0b0b0b0', name: 'bob' }] };
  });
  showPage(<Watching />, { session: aSession({ administrator }) });
}

/** Until those who watch have begun to. */
const watching = () => vi.waitFor(() => expect(listeners.size).toBeGreaterThan(3));

beforeEach(() => localStorage.setItem('aloft.tasks', 'true'));
afterEach(() => {
  vi.unstubAllGlobals();
  localStorage.clear();
  forgetTasks();
});

describe('what happens elsewhere', () => {
  it('is told with who did it, and when it failed', async () => {
    show({ result: 'Error' });
    await watching();
    happen({ status: 'error', name: 'web', actor: 'bob', actor_id: 'b0b0b0b0b0' });
    expect(await screen.findByText('Create: web')).toBeTruthy();
    expect(screen.getAllByText('No valid host was found.').length).toBe(2);
    expect(screen.getByText('bob')).toBeTruthy();
    expect(screen.queryByText('The instance web is in error')).toBeNull();
  });

  it('is told of an instance that comes to be in error with no action of anybody', async () => {
    show({});
    await watching();
    happen({ status: 'error', name: 'web' });
    expect(await screen.findByText('The instance web is in error')).toBeTruthy();
  });

  it('names those that events named where one may not ask Keystone', async () => {
    show({ result: 'Success', user: 'c1c1c1c1c1', administrator: false });
    await watching();
    happen({ status: 'active', name: 'web' });
    expect(await screen.findByText('User c1c1c1c1')).toBeTruthy();
    happen({ status: 'active', name: 'web', actor: 'cyd', actor_id: 'c1c1c1c1c1' });
    expect(await screen.findByText('cyd')).toBeTruthy();
  });

  it('is a volume of somebody, and a host that falls silent', async () => {
    show({});
    await watching();
    happen({ kind: 'volume', id: 'v', what: 'created', status: 'creating', name: 'data', actor: 'bob', actor_id: 'b' });
    expect(await screen.findByText('Create volume')).toBeTruthy();
    expect(screen.getAllByLabelText('Under way').length).toBe(1);
    happen({ kind: 'volume', id: 'v', status: 'error', name: 'data' });
    expect(await screen.findByText('Create volume: data')).toBeTruthy();
    happen({ kind: 'host', id: 'h1', project: null, status: 'missing', name: 'acme/r1/h1' });
    expect(await screen.findByText('The host h1 is silent')).toBeTruthy();
  });
});

describe('a request that goes on after its answer', () => {
  const line = 'volume/v/created';
  const said = { title: 'Create volume', subject: 'data', who: 'ann' };
  const sent = () => run(said, () => Promise.resolve(), () => ({ line, goesOn: true }));
  const ended = (state: Task['state']): Task => ({ ...said, id: line, state, started: NOW });

  it('is under way until it is told how it ended', async () => {
    showPage(<TaskBar />);
    await sent();
    expect(await screen.findByLabelText('Under way')).toBeTruthy();
    tellTasks([ended('succeeded')]);
    expect(await screen.findByLabelText('Done')).toBeTruthy();
    expect(screen.getAllByRole('listitem').length).toBe(1);
  });

  it('has ended when that was told before its answer', async () => {
    showPage(<TaskBar />);
    tellTasks([ended('succeeded')]);
    await sent();
    expect(await screen.findByLabelText('Done')).toBeTruthy();
    expect(screen.queryByLabelText('Under way')).toBeNull();
  });

  it('is told when it fails, once', async () => {
    showPage(<Toasts />);
    await sent();
    expect(tellTasks([ended('failed')])).toBe(true);
    expect(tellTasks([ended('failed')])).toBe(false);
    notify('info', 'Last');
    await screen.findByText('Last');
    expect(screen.getAllByText('Create volume: data').length).toBe(1);
  });
});
