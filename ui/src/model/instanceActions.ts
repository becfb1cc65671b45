/**
 * Which actions Nova offers for an instance in which state. Pure.
 *
 * The states are those of the `check_instance_state` decorators in nova/compute/api.py (2026.2); the names are those of
 * the compute API's server actions where there is one.
 */
import type { DiskOnHost } from '../api/plane';
import type { Server } from '../api/types';

export type InstanceAction =
  | 'start' | 'stop' | 'reboot' | 'hardReboot' | 'pause' | 'unpause' | 'suspend' | 'resume'
  | 'shelve' | 'shelveOffload' | 'unshelve' | 'unshelveAt' | 'rescue' | 'unrescue' | 'crashDump'
  | 'rename' | 'resize' | 'confirmResize' | 'revertResize' | 'rebuild' | 'setPassword' | 'lock' | 'unlock'
  | 'snapshot' | 'backup' | 'attachVolume' | 'detachVolume' | 'attachInterface' | 'detachInterface' | 'editMetadata'
  | 'console' | 'log' | 'delete' | 'forceDelete' | 'restore'
  | 'migrate' | 'liveMigrate' | 'abortMigration' | 'completeMigration' | 'evacuate' | 'resetState';

export type ActionGroup = 'power' | 'settings' | 'lifecycle' | 'placement';

type Task = 'none' | 'any' | readonly string[];

interface Rule {
  group: ActionGroup;
  /** `vm_state`s in which Nova accepts it; `*` is every one. */
  states: readonly string[] | '*';
  /** Which running task does not stand in its way. */
  task: Task;
  /** The task that has to run. */
  during?: string;
  /** Allowed although the instance is locked (to its owner). */
  locked?: boolean;
  administrator?: boolean;
  danger?: boolean;
  /** Refused for an instance that was made outside of OpenStack: it would be made over (docs/use/adopted.md). */
  notAdopted?: boolean;
}

const SETTLED = ['active', 'stopped', 'paused', 'suspended'] as const;

export const RULES: Record<InstanceAction, Rule> = {
  start: { group: 'power', states: ['stopped'], task: 'none' },
  stop: { group: 'power', states: ['active', 'error'], task: 'none', danger: true },
  reboot: { group: 'power', states: ['active'], task: 'none', danger: true },
  hardReboot: {
    group: 'power', states: ['active', 'stopped', 'paused', 'suspended', 'error'], danger: true,
    task: ['rebooting', 'reboot_pending', 'reboot_started', 'rebooting_hard', 'resuming', 'unpausing', 'suspending'],
  },
  pause: { group: 'power', states: ['active'], task: 'none' },
  unpause: { group: 'power', states: ['paused'], task: 'none' },
  suspend: { group: 'power', states: ['active'], task: 'none' },
  resume: { group: 'power', states: ['suspended'], task: 'none' },
  crashDump: { group: 'power', states: ['active', 'paused', 'rescued', 'resized', 'error'], task: 'none', danger: true },
  console: { group: 'power', states: ['active', 'paused', 'rescued', 'resized', 'suspended'], task: 'any', locked: true },
  log: { group: 'power', states: ['active', 'paused', 'rescued', 'resized', 'suspended', 'stopped', 'error'], task: 'any', locked: true },
  rename: { group: 'settings', states: '*', task: 'any', locked: true },
  resize: { group: 'settings', states: ['active', 'stopped'], task: 'none', danger: true },
  confirmResize: { group: 'settings', states: ['resized'], task: 'none' },
  revertResize: { group: 'settings', states: ['resized'], task: 'none', danger: true },
  setPassword: { group: 'settings', states: ['active'], task: 'none' },
  editMetadata: { group: 'settings', states: SETTLED, task: 'none' },
  attachVolume: { group: 'settings', states: ['active', 'paused', 'stopped', 'resized', 'shelved', 'shelved_offloaded'], task: 'none' },
  detachVolume: { group: 'settings', states: ['active', 'paused', 'stopped', 'resized', 'shelved', 'shelved_offloaded'], task: 'none', danger: true },
  attachInterface: { group: 'settings', states: ['active', 'paused', 'stopped'], task: 'none' },
  detachInterface: { group: 'settings', states: ['active', 'paused', 'stopped'], task: 'none', danger: true },
  lock: { group: 'settings', states: '*', task: 'any' },
  unlock: { group: 'settings', states: '*', task: 'any', locked: true },
  snapshot: { group: 'lifecycle', states: SETTLED, task: 'none' },
  backup: { group: 'lifecycle', states: SETTLED, task: 'none' },
  rescue: { group: 'lifecycle', states: ['active', 'stopped', 'error'], task: 'none', danger: true, notAdopted: true },
  unrescue: { group: 'lifecycle', states: ['rescued'], task: 'none' },
  shelve: { group: 'lifecycle', states: SETTLED, task: 'none', danger: true, notAdopted: true },
  shelveOffload: { group: 'lifecycle', states: ['shelved'], task: 'none', administrator: true },
  unshelve: { group: 'lifecycle', states: ['shelved', 'shelved_offloaded'], task: 'none' },
  unshelveAt: { group: 'lifecycle', states: ['shelved_offloaded'], task: 'none' },
  rebuild: { group: 'lifecycle', states: ['active', 'stopped', 'error'], task: 'none', danger: true, notAdopted: true },
  restore: { group: 'lifecycle', states: ['soft-delete'], task: 'none' },
  forceDelete: { group: 'lifecycle', states: ['soft-delete'], task: 'none', danger: true },
  delete: {
    group: 'lifecycle', danger: true, task: 'any',
    states: ['active', 'building', 'stopped', 'paused', 'suspended', 'rescued', 'resized', 'error', 'shelved', 'shelved_offloaded'],
  },
  migrate: { group: 'placement', states: ['active', 'stopped'], task: 'none', administrator: true, danger: true, notAdopted: true },
  liveMigrate: { group: 'placement', states: ['active', 'paused'], task: 'none', administrator: true, notAdopted: true },
  abortMigration: { group: 'placement', states: ['active', 'paused'], task: ['migrating'], during: 'migrating', administrator: true, danger: true },
  completeMigration: { group: 'placement', states: ['active', 'paused'], task: ['migrating'], during: 'migrating', administrator: true, danger: true },
  evacuate: { group: 'placement', states: ['active', 'stopped', 'error'], task: 'any', administrator: true, danger: true, notAdopted: true },
  resetState: { group: 'placement', states: '*', task: 'any', administrator: true, locked: true, danger: true },
};

/** The order in which menus show actions. */
export const ORDER = Object.keys(RULES) as InstanceAction[];

/** Set by the sync service: where an instance is from that Nova did not make, or not with the records that it has now. */
const PROVENANCE = 'aloft:provenance';

/** Where an instance is from: made through OpenStack, taken over as it was on its host, or with records that were made anew. */
export function originOf({ metadata }: Server): 'openstack' | 'adopted' | 'rebuilt' {
  const told = metadata[PROVENANCE];
  return told === undefined ? 'openstack' : told === 'rebuilt' ? 'rebuilt' : 'adopted';
}

/** Whether Nova accepts the action now, from this person. */
export function offers(server: Server, action: InstanceAction, administrator: boolean): boolean {
  const rule = RULES[action];
  if (rule.administrator === true && !administrator) return false;
  if (rule.notAdopted === true && originOf(server) === 'adopted') return false;
  if (action === 'lock' && server.locked) return false;
  if (action === 'unlock' && !server.locked) return false;
  if (server.locked && rule.locked !== true && !administrator) return false;
  const task = server['OS-EXT-STS:task_state'];
  if (task === 'deleting' && action !== 'resetState') return false;
  if (rule.during !== undefined && task !== rule.during) return false;
  if (task !== null && rule.task === 'none') return false;
  if (task !== null && Array.isArray(rule.task) && !(rule.task as readonly string[]).includes(task)) return false;
  return rule.states === '*' || rule.states.includes(server['OS-EXT-STS:vm_state']);
}

/** All actions that Nova accepts now, in the order of menus. */
export function actionsFor(server: Server, administrator: boolean): InstanceAction[] {
  return ORDER.filter((action) => offers(server, action, administrator));
}

/** The groups that hold anything for this person, whatever the instance's state. */
export function groupsFor(administrator: boolean): ActionGroup[] {
  return [...new Set(ORDER.filter((action) => administrator || RULES[action].administrator !== true).map((action) => RULES[action].group))];
}

/** The body of `POST /servers/{id}/action` for the actions that need nothing else to be said. */
export const PLAIN_BODIES: Partial<Record<InstanceAction, Record<string, unknown>>> = {
  start: { 'os-start': null },
  stop: { 'os-stop': null },
  reboot: { reboot: { type: 'SOFT' } },
  hardReboot: { reboot: { type: 'HARD' } },
  pause: { pause: null },
  unpause: { unpause: null },
  suspend: { suspend: null },
  resume: { resume: null },
  crashDump: { trigger_crash_dump: null },
  shelve: { shelve: null },
  shelveOffload: { shelveOffload: null },
  unshelve: { unshelve: null },
  unrescue: { unrescue: null },
  confirmResize: { confirmResize: null },
  revertResize: { revertResize: null },
  lock: { lock: null },
  unlock: { unlock: null },
  restore: { restore: null },
  forceDelete: { forceDelete: null },
  migrate: { migrate: null },
  liveMigrate: { 'os-migrateLive': { host: null, block_migration: 'auto' } },
  evacuate: { evacuate: {} },
};

export interface Disk {
  id: string;
  name: string;
  /** GiB */
  size: number;
}

/** What deleting an instance does to its disks. */
export interface DiskFate {
  deleted: Disk[];
  kept: Disk[];
  /** Those on the host that are no volumes; without a path where nobody tells them. */
  local: LocalDisk[];
}

export interface LocalDisk {
  path: string;
  /** GiB */
  size: number;
  goes: boolean;
}

/** Set by who wants the disks of an instance that was made outside of OpenStack to go with it (docs/use/adopted.md). */
export const DELETE_DISKS = 'aloft:delete_disks';

const GIB = 2 ** 30;

/** The disks on the host: as sync tells them, else the one that there has to be. */
function localDisks(server: Server, told: readonly DiskOnHost[] | undefined): LocalDisk[] {
  const own = told?.filter(({ volume, device }) => volume === '' && (device === 'disk' || device === 'lun')) ?? [];
  if (own.length > 0) return own.map(({ path, bytes, fate }) => ({ path, size: Math.ceil((bytes ?? 0) / GIB), goes: fate === 'deleted' }));
  const adopted = originOf(server) === 'adopted';
  if (told !== undefined || (!server.image && !adopted)) return [];
  return [{ path: '', size: server.flavor.disk, goes: !adopted || server.metadata[DELETE_DISKS] === 'yes' }];
}

/** Which disks go and which stay when an instance is deleted; `told` is what sync says, if it knows the instance. */
export function fateOfDisks(
  server: Server, volumes: readonly { id: string; name: string; size: number }[], told?: readonly DiskOnHost[],
): DiskFate {
  const fate: DiskFate = { deleted: [], kept: [], local: localDisks(server, told) };
  for (const attached of server['os-extended-volumes:volumes_attached']) {
    const volume = volumes.find(({ id }) => id === attached.id);
    const disk = { id: attached.id, name: volume?.name ?? '', size: volume?.size ?? 0 };
    (attached.delete_on_termination ? fate.deleted : fate.kept).push(disk);
  }
  return fate;
}
