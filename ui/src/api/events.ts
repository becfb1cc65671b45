/** The stream of events: what changed anywhere makes what is shown of it stale, so that it is asked for anew. */
import { type Query, type QueryClient, type QueryKey, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';

import { openstack } from './client';
import { ApiError } from './errors';
import type { Scope } from './scope';
import { useSession } from './session';
import { listen } from './stream';
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
  'aggregate': ['service'],
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

/** Queries that are on their way and are asked for again when they are there. */
const again = new WeakSet<Query>();

/**
 * Have queries asked for anew. One that is on its way and cannot be broken off may bring what was before, so it is asked
 * for once more when it is there.
 */
function makeStale(client: QueryClient, which: (query: Query) => boolean): void {
  for (const query of client.getQueryCache().findAll({ fetchStatus: 'fetching', predicate: which })) {
    if (!again.has(query) && (query.state.data === undefined || isInstanceList(query.queryKey))) {
      again.add(query);
      const ask = () => {
        again.delete(query);
        void client.invalidateQueries({ predicate: (one) => one === query });
      };
      query.promise?.then(ask, ask);
    }
  }
  void client.invalidateQueries({ predicate: (query) => which(query) && !again.has(query) });
}

function isInstanceList([kind, , , what]: QueryKey): boolean {
  return kind === 'instance' && what === 'list';
}

let asked = 0;
/** By instance, the number of the latest question whose answer is shown. */
const shown = new Map<string, number>();

/** Ask for one instance and put it into the lists of its project; an answer that a later one has overtaken is dropped. */
export async function refreshInstance(client: QueryClient, scope: Scope, id: string, deleted = false): Promise<void> {
  const ofProject = ({ queryKey }: Query) =>
    isInstanceList(queryKey) && queryKey[1] === scope.region && queryKey[2] === scope.project;
  if (client.getQueryCache().findAll({ predicate: ofProject }).length === 0) return;
  asked += 1;
  const mine = asked;
  let now: Server | undefined;
  if (!deleted) {
    try {
      const { server } = await openstack<{ server: Server }>(scope, 'compute', `/v2.1/servers/${id}`);
      if (server.status !== 'DELETED') now = server;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) {
        makeStale(client, ({ queryKey: [kind, region] }) => kind === 'instance' && region === scope.region);
        return;
      }
    }
  }
  if ((shown.get(id) ?? 0) > mine) return;
  shown.set(id, mine);
  client.setQueriesData<Server[]>({ predicate: ofProject }, (rows) => rows && withInstance(rows, id, now));
}

/** Act on gathered events. */
export function applyEvents(client: QueryClient, events: readonly PortalEvent[]): void {
  const instances = new Map<string, PortalEvent>();
  for (const event of events) {
    if (event.kind === 'instance' && event.region !== null && event.project !== null) instances.set(event.id, event);
  }
  const changed = [...instances.values()];
  makeStale(client, ({ queryKey, state }) =>
    events.some((event) => staleAfter(event, queryKey))
    || (state.fetchStatus === 'fetching' && isInstanceList(queryKey)
      && changed.some(({ region, project }) => queryKey[1] === region && queryKey[2] === project)));
  for (const { id, region, project, what } of changed) {
    if (region !== null && project !== null) void refreshInstance(client, { region, project }, id, what === 'deleted');
  }
}

/** Keep the page's data true for as long as somebody is logged in. */
export function useEventStream(): void {
  const client = useQueryClient();
  const session = useSession();
  const from = useRef(session.events);
  useEffect(() => {
    from.current = session.events;
  });
  const user = session.user.id;
  const project = session.project?.id;
  useEffect(() => {
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
    const lookAtSession = () => void client.invalidateQueries({ queryKey: ['session'] });
    const end = listen({
      project,
      from: from.current,
      events: {
        ...Object.fromEntries(KINDS.map((kind) => [kind, take])),
        reset: () => makeStale(client, () => true),
        session: lookAtSession,
      },
      onLost: lookAtSession,
    });
    return () => {
      clearTimeout(timer);
      end();
    };
  }, [client, user, project]);
}
