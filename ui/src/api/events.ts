/** The stream of events: what changed anywhere makes what is shown of it stale, so that it is asked for anew. */
import { type QueryClient, type QueryKey, useQueryClient } from '@tanstack/react-query';
import { useEffect, useSyncExternalStore } from 'react';

import { openstack } from './client';
import { ApiError } from './errors';
import { useSession } from './session';
import type { Server } from './types';

/** Something changed. */
export interface PortalEvent {
  id: string;
  kind: string;
  region: string | null;
  project: string | null;
  what: 'created' | 'changed' | 'deleted' | 'ended';
  status?: string;
  name?: string;
  actor?: string;
  actor_id?: string;
  at: string;
}

export type Connection = 'connecting' | 'open' | 'lost';

/** What else is stale when a thing of some kind changed. */
const ALSO: Record<string, readonly string[]> = {
  'instance': ['port'],
  'security-group-rule': ['security-group'],
  'port': ['floating-ip', 'router'],
  'router': ['port', 'floating-ip'],
  'floating-ip': ['instance', 'port'],
  'volume': ['instance'],
  'volume-snapshot': ['volume'],
  'subnet': ['network'],
  'host': ['service'],
  'customer': ['region', 'operation'],
  'region': ['customer', 'operation'],
  'operation': ['host', 'region', 'customer', 'release', 'backup'],
  'backup': ['region'],
};

const KINDS = [
  'instance', 'volume', 'volume-snapshot', 'image', 'network', 'subnet', 'port', 'router', 'floating-ip', 'security-group',
  'security-group-rule', 'keypair', 'flavor', 'aggregate', 'service', 'project', 'user', 'role', 'operation', 'host',
  'region', 'customer', 'sync', 'backup',
];

/** Milliseconds in which changes are gathered before what they made stale is asked for. */
const GATHER = 150;

/**
 * Which queries an event makes stale. A query's key is `[kind, region or 'plane', project, …]`. Lists of instances are
 * left out: they are long, and the one instance is asked for instead.
 */
export function staleAfter(event: Pick<PortalEvent, 'kind' | 'region' | 'id'>, key: QueryKey): boolean {
  const [kind, region, , id] = key;
  if (typeof kind !== 'string') return false;
  const direct = kind === event.kind;
  if (!direct && !(ALSO[event.kind] ?? []).includes(kind)) return false;
  if (region !== 'plane' && event.region !== null && region !== event.region) return false;
  if (event.kind === 'instance' && kind === 'instance') return id === event.id || id === 'limits' || id === 'activity';
  return true;
}

/** Put an instance as it is now into a list of them; `undefined` takes it out. */
export function withInstance(rows: readonly Server[], id: string, now: Server | undefined): Server[] {
  const known = rows.some((row) => row.id === id);
  if (now === undefined) return known ? rows.filter((row) => row.id !== id) : [...rows];
  return known ? rows.map((row) => (row.id === id ? now : row)) : [now, ...rows];
}

/** Who wants to know of every event (the task bar does). */
type Listener = (event: PortalEvent) => void;
const listeners = new Set<Listener>();

/** Be told of events; gives what ends it. */
export function onEvent(listener: Listener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

let connection: Connection = 'connecting';
const watchers = new Set<() => void>();

function setConnection(now: Connection): void {
  connection = now;
  for (const watcher of watchers) watcher();
}

/** Whether changes reach the page. */
export function useConnection(): Connection {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => void watchers.delete(watcher);
    },
    () => connection,
  );
}

async function refreshInstance(client: QueryClient, region: string, id: string, deleted: boolean): Promise<void> {
  const lists = client.getQueryCache().findAll({
    predicate: ({ queryKey: [kind, where, , what] }) => kind === 'instance' && where === region && what === 'list',
  });
  if (lists.length === 0) return;
  let now: Server | undefined;
  if (!deleted) {
    try {
      now = (await openstack<{ server: Server }>(region, 'compute', `/v2.1/servers/${id}`)).server;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) {
        void client.invalidateQueries({ queryKey: ['instance', region] });
        return;
      }
    }
  }
  for (const { queryKey } of lists) {
    if (now !== undefined && queryKey[2] !== now.tenant_id) continue;
    client.setQueryData<Server[]>(queryKey, (rows) => rows && withInstance(rows, id, now));
  }
}

/** Act on gathered events. */
export function applyEvents(client: QueryClient, events: readonly PortalEvent[]): void {
  void client.invalidateQueries({ predicate: ({ queryKey }) => events.some((event) => staleAfter(event, queryKey)) });
  const instances = new Map<string, PortalEvent>();
  for (const event of events) {
    if (event.kind === 'instance' && event.region !== null) instances.set(event.id, event);
  }
  for (const { id, region, what } of instances.values()) {
    if (region !== null) void refreshInstance(client, region, id, what === 'deleted');
  }
}

/** Keep the page's data true for as long as somebody is logged in. */
export function useEventStream(): void {
  const client = useQueryClient();
  const { user } = useSession();
  useEffect(() => {
    const source = new EventSource('/events');
    let gathered: PortalEvent[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const flush = () => {
      timer = undefined;
      const events = gathered;
      gathered = [];
      applyEvents(client, events);
    };
    const take = (message: MessageEvent<string>) => {
      const event = JSON.parse(message.data) as PortalEvent;
      for (const listener of listeners) listener(event);
      gathered.push(event);
      timer ??= setTimeout(flush, GATHER);
    };
    for (const kind of KINDS) source.addEventListener(kind, take);
    source.addEventListener('reset', () => void client.invalidateQueries());
    source.addEventListener('session', () => void client.invalidateQueries({ queryKey: ['session'] }));
    source.onopen = () => setConnection('open');
    source.onerror = () => {
      setConnection('lost');
      void client.invalidateQueries({ queryKey: ['session'] });
    };
    return () => {
      clearTimeout(timer);
      source.close();
      setConnection('connecting');
    };
  }, [client, user.id]);
}
