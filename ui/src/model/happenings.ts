/** What events tell of things' making, changing and going, as lines of the task bar. Pure. */
import type { PortalEvent } from '../api/events';
import type { Method, Service } from '../api/client';
import { pathIn, type Scope } from '../api/scope';
import type { Task } from '../shell/tasks';
import { statusText, texts } from '../texts';
import { moodOf } from './moods';

type What = 'created' | 'changed' | 'deleted';

/** Where a kind of thing is shown: the part of the address, and whether each has a page of its own. */
const SHOWN: Record<string, { part: string; paged?: boolean }> = {
  'volume': { part: 'volumes' },
  'volume-snapshot': { part: 'snapshots' },
  'image': { part: 'images' },
  'network': { part: 'networks', paged: true },
  'subnet': { part: 'networks' },
  'router': { part: 'routers', paged: true },
  'floating-ip': { part: 'floating-ips' },
  'security-group': { part: 'security-groups', paged: true },
};

/** The collections of the APIs whose things are followed, with the name of one in answers (Glance's have none around them). */
const COLLECTIONS: { service: Service; path: string; kind: string; one?: string }[] = [
  { service: 'volume', path: '/v3/volumes', kind: 'volume', one: 'volume' },
  { service: 'volume', path: '/v3/snapshots', kind: 'volume-snapshot', one: 'snapshot' },
  { service: 'image', path: '/v2/images', kind: 'image' },
  { service: 'network', path: '/v2.0/networks', kind: 'network', one: 'network' },
  { service: 'network', path: '/v2.0/subnets', kind: 'subnet', one: 'subnet' },
  { service: 'network', path: '/v2.0/routers', kind: 'router', one: 'router' },
  { service: 'network', path: '/v2.0/floatingips', kind: 'floating-ip', one: 'floatingip' },
  { service: 'network', path: '/v2.0/security-groups', kind: 'security-group', one: 'security_group' },
];

/** Cinder answers these before they are done. */
const LASTING = ['os-extend', 'os-retype', 'os-volume_upload_image'];

/** Which line of the task bar tells how a request ends, and whether it goes on after its answer. */
export interface Followed {
  line: string;
  goesOn: boolean;
}

function lineId(kind: string, id: string, what: What): string {
  return `${kind}/${id}/${what}`;
}

/** What tells how a request that was answered ends, where that is told. */
export function followed(service: Service, method: Method, path: string, body: unknown, answer: unknown): Followed | null {
  const of = COLLECTIONS.find((one) => one.service === service && (path === one.path || path.startsWith(`${one.path}/`)));
  if (of === undefined) return null;
  const [id, ...rest] = path.slice(of.path.length + 1).split('/').filter(Boolean);
  const goesOn = service === 'volume';
  if (id === undefined) {
    const told = answer as Record<string, { id?: string } | string | undefined> | undefined;
    const made = of.one === undefined ? told?.id : (told?.[of.one] as { id?: string } | undefined)?.id;
    return method === 'POST' && typeof made === 'string' ? { line: lineId(of.kind, made, 'created'), goesOn } : null;
  }
  if (method === 'DELETE' && rest.length === 0) return { line: lineId(of.kind, id, 'deleted'), goesOn };
  const lasting = rest[0] === 'action' && LASTING.some((name) => typeof body === 'object' && body !== null && name in body);
  return { line: lineId(of.kind, id, 'changed'), goesOn: lasting };
}

/** How a thing stands after an event, where its state says so. */
function stateAfter({ what, status = '' }: PortalEvent): Task['state'] {
  const mood = moodOf(status);
  return what === 'deleted' ? 'succeeded' : mood === 'busy' ? 'accepted' : mood === 'bad' ? 'failed' : 'succeeded';
}

/**
 * The lines that an event makes or ends, among those that there are.
 *
 * Of what `me` does elsewhere only what is made and goes is told anew: a change has a line from where it was asked for.
 */
export function linesAfter(event: PortalEvent, tasks: readonly Task[], scope: Scope, me: string): Task[] {
  const shown = SHOWN[event.kind];
  if (shown === undefined || event.what === 'ended' || event.region !== scope.region || event.project !== scope.project) return [];
  const { kind, id, status = '', actor = '', at } = event;
  const what: What = status.toLowerCase() === 'deleting' ? 'deleted' : event.what;
  const state = stateAfter(event);
  const ours = tasks.filter((task) => task.id.startsWith(`${kind}/${id}/`));
  const settled = ours.filter((task) => task.state === 'accepted').flatMap((task): Task[] => {
    const ends = (how: Task['state'], error?: string): Task[] => [{ ...task, state: how, ended: at, error }];
    const deletion = task.id === lineId(kind, id, 'deleted');
    if (event.what === 'deleted') return deletion ? ends('succeeded') : ends('failed', texts.tasks.goneMeanwhile);
    if (state === 'failed') return ends('failed', texts.tasks.endedAs(statusText(status)));
    return state === 'succeeded' && !deletion ? ends('succeeded') : [];
  });
  const line = lineId(kind, id, what);
  if (ours.some((task) => task.id === line)) return settled;
  const told = what === 'changed' ? actor !== '' && event.actor_id !== me && ours.length === 0 : actor !== '' || kind === 'image';
  if (!told) return settled;
  const name = event.name === undefined || event.name === '' ? id : event.name;
  const page = shown.paged === true ? pathIn(scope, shown.part, id) : `${pathIn(scope, shown.part)}?q=${encodeURIComponent(name)}`;
  return [...settled, {
    id: line, title: texts.tasks.happened[what](texts.tasks.things[kind] ?? kind), subject: name, who: actor, state, started: at,
    ended: state === 'accepted' ? undefined : at, error: state === 'failed' ? texts.tasks.endedAs(statusText(status)) : undefined,
    link: what === 'deleted' ? undefined : page,
  }];
}

/** Whether an event tells that an instance has come to be in error; `bad` are those that are known to be, and is kept true. */
export function turnedBad({ kind, id, what, status }: PortalEvent, bad: Set<string>): boolean {
  if (kind !== 'instance' || status === undefined) return false;
  if (what === 'deleted' || status.toLowerCase() !== 'error') {
    bad.delete(id);
    return false;
  }
  const was = bad.has(id);
  bad.add(id);
  return !was;
}
