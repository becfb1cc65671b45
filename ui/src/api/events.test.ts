import { QueryClient, QueryObserver } from '@tanstack/react-query';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { aServer } from '../testing/servers';
import { applyEvents, type PortalEvent, refreshInstance, staleAfter } from './events';
import { queries } from './queries';
import type { Server } from './types';

const scope = { region: 'r', project: 'p' };

/** Nova, whose answers come when a test says so. */
const asked: { path: string; project: string | undefined; answer: (body: unknown) => void }[] = [];

function question(index: number) {
  const found = asked[index];
  if (found === undefined) throw new Error(`nothing was asked for the ${index}th time`);
  return found;
}

let client: QueryClient;

beforeEach(() => {
  asked.length = 0;
  client = new QueryClient({ defaultOptions: { queries: { retry: false, staleTime: Infinity } } });
  vi.stubGlobal('fetch', (path: string, { headers }: { headers: Record<string, string> }) =>
    new Promise<Response>((resolve) => {
      const answer = (body: unknown) => resolve(Response.json(body));
      asked.push({ path, project: headers['X-Aloft-Project'], answer });
    }));
});

afterEach(() => {
  client.clear();
  vi.unstubAllGlobals();
});

function changed(id: string, change: Partial<PortalEvent> = {}): PortalEvent {
  return { id, kind: 'instance', region: 'r', project: 'p', what: 'changed', at: '', ...change };
}

function names(): string[] | undefined {
  return client.getQueryData<Server[]>(queries.instances(scope).queryKey)?.map(({ name }) => name);
}

/** Shows the list of instances, as a page does. */
function showList(): () => void {
  return new QueryObserver(client, queries.instances(scope)).subscribe(() => undefined);
}

const list = (...servers: Server[]) => ({ servers });

describe('the list of instances', () => {
  it('is asked for in the project that it is of, whatever the window has entered', () => {
    const leave = showList();
    expect(question(0).project).toBe('p');
    leave();
  });

  it('is asked for again when something changed while it was on its way for the first time', async () => {
    const leave = showList();
    applyEvents(client, [changed('i-1')]);
    question(0).answer(list(aServer({ name: 'old' })));
    await vi.waitFor(() => expect(asked.filter(({ path }) => path.includes('detail'))).toHaveLength(2));
    for (const { path, answer } of asked) answer(path.includes('detail') ? list(aServer({ name: 'new' })) : { server: aServer({ name: 'new' }) });
    await vi.waitFor(() => expect(names()).toEqual(['new']));
    leave();
  });

  it('is asked for again when something changed while it was asked for anew', async () => {
    client.setQueryData(queries.instances(scope).queryKey, [aServer({ name: 'first' })]);
    const leave = showList();
    void client.invalidateQueries();
    applyEvents(client, [changed('i-1')]);
    applyEvents(client, [changed('i-1')]);
    const lists = () => asked.filter(({ path }) => path.includes('detail'));
    expect(lists()).toHaveLength(1);
    lists()[0]?.answer(list(aServer({ name: 'old' })));
    await vi.waitFor(() => expect(lists()).toHaveLength(2));
    lists()[1]?.answer(list(aServer({ name: 'new' })));
    await vi.waitFor(() => expect(names()).toEqual(['new']));
    expect(lists()).toHaveLength(2);
    leave();
  });

  it('is left alone by what happens in other projects', () => {
    client.setQueryData(queries.instances(scope).queryKey, [aServer()]);
    applyEvents(client, [changed('i-1', { project: 'other' })]);
    expect(asked).toHaveLength(0);
  });
});

describe('one instance', () => {
  beforeEach(() => client.setQueryData(queries.instances(scope).queryKey, [aServer({ name: 'first' })]));

  it('is shown as the later question was answered, in whichever order answers come', async () => {
    const first = refreshInstance(client, scope, 'i-1');
    const second = refreshInstance(client, scope, 'i-1');
    question(1).answer({ server: aServer({ name: 'later' }) });
    await second;
    expect(names()).toEqual(['later']);
    question(0).answer({ server: aServer({ name: 'earlier' }) });
    await first;
    expect(names()).toEqual(['later']);
  });

  it('stays away once it was deleted', async () => {
    const before = refreshInstance(client, scope, 'i-1');
    await refreshInstance(client, scope, 'i-1', true);
    question(0).answer({ server: aServer() });
    await before;
    expect(names()).toEqual([]);
  });
});

describe('other queries', () => {
  it('are asked for again when they were on their way for the first time', async () => {
    const leave = new QueryObserver(client, queries.volumes(scope)).subscribe(() => undefined);
    applyEvents(client, [changed('v', { kind: 'volume' })]);
    question(0).answer({ volumes: [] });
    await vi.waitFor(() => expect(asked).toHaveLength(2));
    leave();
  });

  it('of zones are stale when an aggregate changed', () => {
    expect(staleAfter({ kind: 'aggregate', region: 'r', id: '7' }, queries.zones(scope).queryKey)).toBe(true);
    expect(staleAfter({ kind: 'aggregate', region: 'r', id: '7' }, queries.zonesWithHosts(scope).queryKey)).toBe(true);
  });
});
