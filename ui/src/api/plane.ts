/** What the plane's REST gives (`/v1/openapi.json` describes it), and how to ask for it. */
import { queryOptions } from '@tanstack/react-query';

import { plane, queryString } from './client';
import { ApiError } from './errors';

export interface Told {
  code: string;
  message: string;
  remedy: string;
}

export interface Operation {
  id: string;
  kind: string;
  customer: string | null;
  subject: string;
  actor: string;
  state: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  steps: { name: string; state: 'pending' | 'running' | 'done' | 'failed'; started: string | null; ended: string | null; detail: string }[];
  progress: number;
  error: Told | null;
  resumable: boolean;
  /** What came of it, where there is more to say than that it succeeded. */
  result: Record<string, unknown>;
  created: string;
  started: string | null;
  ended: string | null;
}

/** Which release serves a customer, which is kept for the way back (or nothing), and what is under way. */
export interface Upgrade {
  customer: string;
  release: string;
  pins: string;
  kept: string;
  since: string | null;
  operation: Operation | null;
}

export interface UpgradeCheck {
  project: string;
  verdict: string;
  detail: string;
}

/** What a rehearsal of an upgrade found. */
export interface UpgradePlan {
  from: string;
  release: string;
  pause_seconds: number;
  pause_basis: string;
  /** How many things were listed alike before and after. */
  things: number;
  /** By region, the tables and columns that came and went. */
  changes: Record<string, { came: string[]; went: string[] }>;
  packages: { name: string; before: string; after: string }[];
  unwell: string[];
  checks: UpgradeCheck[];
}

/** What an operation found that rehearsed an upgrade; nothing of any other. */
export function planOf({ kind, state, result }: Operation): UpgradePlan | null {
  return kind === 'upgrade.plan' && state === 'succeeded' ? (result as unknown as UpgradePlan) : null;
}

/** The wave of upgrades that is under way, or the last one, and where each customer stands. */
export interface Wave {
  operation: Operation | null;
  customers: Upgrade[];
}

export interface Accepted {
  operation: Operation;
}

export interface Component {
  name: string;
  state: string;
  since: number;
  restarts: number;
  reason: string;
}

export interface Region {
  customer: string;
  name: string;
  release: string;
  node: string;
  identity: boolean;
  services: Record<string, boolean>;
  limits: { memory_mib: number | null; cpu_cores: number | null };
  phase: string;
  endpoints: Record<string, string>;
  components: Component[];
  error: Told | null;
  created: string;
  ready: string | null;
}

export interface Customer {
  name: string;
  display_name: string;
  state: string;
  created: string;
  regions: Region[];
}

export interface Release {
  name: string;
  pins: string;
  node: string;
  state: string;
  detail: string;
}

/** A provider's machine; `own` is the one that the plane is on. */
export interface Node {
  name: string;
  own: boolean;
  address: string;
  state: 'up' | 'down' | 'unknown';
  detail: string;
  controllers: number;
  seen: string | null;
}

/** What another node is given to connect with this one: a secret. */
export interface NodeInvitation {
  name: string;
  address: string;
  invitation: string;
}

export interface RoleReport {
  state: string;
  step: string;
  done: number | null;
  reason: string;
  remedy: string;
}

export interface Host {
  customer: string;
  region: string;
  name: string;
  roles: string[];
  state: string;
  since: string | null;
  step: string;
  done: number | null;
  reason: string;
  remedy: string;
  drained: boolean;
  warnings: string[];
  lacks: Record<string, { reason: string; remedy: string }[]>;
  software: { release: string; wanted: Record<string, string>; running: Record<string, string> };
  report: Record<string, RoleReport>;
  facts: Record<string, unknown>;
  created: string;
  reported: string | null;
}

export interface HostToken {
  id: string;
  roles: string[];
  uses_left: number;
  created_by: string;
  created: string;
  expires: string;
}

export interface IssuedHostToken extends HostToken {
  token: string;
  plane_url: string;
  line: string;
}

/** A state that a host came into. */
export interface HostHistory {
  id: number;
  at: string;
  state: string;
  before: string;
  detail: string;
  remedy: string;
}

/** How a region's hosts come to the software that they shall run; `halted` says why none goes on. */
export interface Rollout {
  release: string;
  packages: Record<string, string>;
  halted: string;
  hosts: RolloutHost[];
}

/** `settled` runs what it shall, `trial` is looked at, `waiting` comes later, `reverted` came back from it. */
export interface RolloutHost {
  name: string;
  progress: 'settled' | 'trial' | 'waiting' | 'reverted';
  release: string;
  packages: Record<string, string>;
  reason: string;
}

/** What came back after a region's databases were lost and made anew, and what did not. */
export interface Rebuilt {
  /** Unix seconds. */
  at: number;
  /** How many came back, by kind. */
  rebuilt: Record<string, number>;
  missing: { name: string; uuid: string; host: string; reason: string }[];
  lost: { kind: string; which: string; what: string }[];
}

/** How careful sync is; times in seconds. */
export interface SyncSettings {
  grace_seconds: number;
  gone_share: number;
  gone_least: number;
  silent_seconds: number;
  networks: 'used' | 'all';
  shared_networks: boolean;
  trail_days: number;
}

/** An account of the provider. */
export interface Account {
  name: string;
  roles: string[];
  disabled: boolean;
  created: string;
}

export interface AuditEntry {
  id: number;
  at: string;
  actor: string;
  action: string;
  subject: string;
  customer: string | null;
  outcome: 'accepted' | 'refused';
  detail: Record<string, unknown>;
}

export interface Status {
  healthy: boolean;
  node: Node;
  peers: Node[];
  shared: Component[];
  regions: { customer: string; region: string; release: string; node: string; phase: string; error: Told | null; components: Component[] }[];
  hosts: { customer: string; region: string; host: string; state: string }[];
  backups: BackupStatus[];
  repositories: Repository[];
}

/** How a customer's backups stand; `age_seconds` is of the newest that can be trusted. */
export interface BackupStatus {
  customer: string;
  state: 'ok' | 'late' | 'suspect' | 'none' | 'off';
  age_seconds: number | null;
  proved: boolean;
  copies: Record<string, string>;
}

export interface Backup {
  id: string;
  customer: string;
  state: 'made' | 'proved' | 'suspect';
  detail: string;
  repository: string;
  /** The only node that can read it, where it lies in a folder of one. */
  node: string | null;
  snapshot: string;
  bytes_read: number;
  bytes_added: number;
  /** By secondary repository, nothing, or why there is no copy in it. */
  copies: Record<string, string>;
  made: string;
  proved: string | null;
}

export interface BackupPolicy {
  customer: string;
  enabled: boolean;
  /** Hours and minutes, UTC. */
  at: string;
  keep_days: number;
}

export interface Repository {
  name: string;
  url: string;
  role: string;
  shipped: string | null;
  /** Why the last shipment failed. */
  trouble: string;
  /** When all of it was last read and found to be what was written. */
  checked: string | null;
  /** Why it was not since. */
  check_failure: string;
  /** Whether somebody has to look at it. */
  late: boolean;
}

/** What lies in a repository; `original` is the one that it is a copy of. */
export interface Snapshot {
  id: string;
  customer: string;
  made: string;
  original: string;
}

/** From which networks (CIDR) a customer's names may be used; none named is everywhere. */
export interface AccessRules {
  portal: string[];
  api: string[];
  links: string[];
}

/** What a customer's administrator sets; `services` by region, times UTC. */
export interface CustomerSettings {
  services: Record<string, Record<string, boolean>>;
  access: AccessRules;
  /** Until when `access` has to be confirmed. */
  confirm_until: string | null;
  window: { days: string[]; at: string; hours: number } | null;
  window_open: boolean;
  log_days: number;
  bounds: { services: string[] | null; access: boolean; keep_days: number; log_days: number; window_hours: number };
}

interface Items<T> {
  items: T[];
}

/** A list of the plane; `kind` is the kind of the events that change it. */
function items<T>(kind: string, path: string, parameters: Record<string, string | number | undefined> = {}) {
  return queryOptions({
    queryKey: [kind, 'plane', path, parameters],
    queryFn: async ({ signal }) => (await plane<Items<T>>(path + queryString(parameters), { signal })).items,
  });
}

/** One thing of the plane; `kind` is the kind of the events that change it. */
function one<T>(kind: string, path: string) {
  return queryOptions({ queryKey: [kind, 'plane', path], queryFn: ({ signal }) => plane<T>(path, { signal }) });
}

/** How often an operation that goes on is asked how far it is, in milliseconds: that a step has ended is no event. */
const FOLLOWED = 3000;

/** Whether an operation has not ended. */
export function goesOn({ state }: Pick<Operation, 'state'>): boolean {
  return state === 'queued' || state === 'running';
}

/** Everything that pages ask of the plane. */
export const planeQueries = {
  operations: (limit = 50, customer?: string) =>
    queryOptions({
      ...items<Operation>('operation', '/operations', { limit, customer }),
      refetchInterval: ({ state }) => (state.data?.some(goesOn) === true ? FOLLOWED : false),
    }),
  operation: (id: string) =>
    queryOptions({
      ...one<Operation>('operation', `/operations/${encodeURIComponent(id)}`),
      refetchInterval: ({ state }) => (state.data !== undefined && goesOn(state.data) ? FOLLOWED : false),
    }),
  upgrade: (customer: string) => one<Upgrade>('operation', `${customerPath(customer)}/upgrade`),
  customers: () => items<Customer>('customer', '/customers'),
  regions: () => items<Region>('region', '/regions'),
  releases: () => items<Release>('release', '/releases'),
  nodes: () => items<Node>('node', '/nodes'),
  hosts: () => items<Host>('host', '/hosts'),
  hostTokens: (customer: string, region: string) => items<HostToken>('host', `${regionPath(customer, region)}/host-tokens`),
  audit: (customer?: string) => items<AuditEntry>('operation', '/audit', { customer, limit: 500 }),
  backups: () => items<Backup>('backup', '/backups'),
  repositories: () => items<Repository>('backup', '/repositories'),
  snapshots: (repository: string) => items<Snapshot>('backup', `/repositories/${encodeURIComponent(repository)}/snapshots`),
  accounts: () => items<Account>('account', '/accounts'),
  /** The log of a region's service, or without a customer of a process of the node. */
  log: (customer: string, region: string, process: string, lines: number) =>
    one<string>('log', `${customer === '' ? `/logs/${process}` : `${regionPath(customer, region)}/logs/${encodeURIComponent(process)}`}${queryString({ lines })}`),
  wave: () =>
    queryOptions({
      queryKey: ['operation', 'plane', 'upgrade-wave'],
      queryFn: ({ signal }) => plane<Wave>('/upgrade-wave', { signal }),
      refetchInterval: 15_000,
    }),
  backupPolicy: (customer: string) => one<BackupPolicy>('backup', `${customerPath(customer)}/backup-policy`),
  settings: (customer: string) => one<CustomerSettings>('customer', settingsPath(customer)),
  status: () =>
    queryOptions({
      queryKey: ['region', 'plane', 'status'],
      queryFn: ({ signal }) => plane<Status>('/status', { signal }),
      refetchInterval: 30_000,
    }),
};

/** The path of a customer at the plane. */
export function customerPath(customer: string): string {
  return `/customers/${encodeURIComponent(customer)}`;
}

/** The path of what a customer's administrator sets. */
export function settingsPath(customer: string): string {
  return `${customerPath(customer)}/settings`;
}

/** The path of a customer's region at the plane. */
export function regionPath(customer: string, region: string): string {
  return `${customerPath(customer)}/regions/${encodeURIComponent(region)}`;
}

/** Where a host differs from the others. */
export interface Carrier {
  interface?: string | null;
  bridge?: string | null;
  address?: string | null;
  absent?: boolean;
}

export interface PhysicalNetwork {
  flat: boolean;
  vlans: string[];
  bridge: string;
  interface: string | null;
  mtu: number | null;
  hosts: Record<string, Carrier>;
}

export interface NetworkTemplate {
  physical_networks: Record<string, PhysicalNetwork>;
  overlay: { type: string; interface: string | null; mtu: number; hosts: Record<string, Pick<Carrier, 'interface' | 'address'>> };
}

export interface HostInstance {
  id: string;
  name: string;
  status: string;
}

export interface SyncInstance {
  name: string;
  uuid: string;
  host: string;
  standing: string;
  origin: string;
  project: string | null;
  /** Unix seconds: since when it is missed on its host. */
  stale_since: number | null;
  /** Unix seconds: when its host was heard of last, where that is too long ago. */
  silent_since: number | null;
  reason: string;
}

/** What becomes of one of an instance's disks when it is deleted. */
export interface DiskOnHost {
  target: string;
  path: string;
  device: string;
  bytes: number | null;
  /** Cinder's identifier; empty where it is no volume. */
  volume: string;
  fate: 'kept' | 'deleted';
  reason: string;
}

/** All that sync knows of an instance. */
export interface SyncDetail extends SyncInstance {
  /** `null` as long as its host has not told of it. */
  disks: DiskOnHost[] | null;
  trail: TrailEntry[];
}

/** A bridge, VLAN or libvirt network of hosts, and the network that was made for it. */
export interface SyncPlace {
  place: string;
  hosts: string[];
  network: string | null;
}

export interface SyncChange {
  host: string;
  object: string;
  action: string;
  field: string;
  before?: unknown;
  after?: unknown;
  note: string;
  /** The entry of the trail by which it can be put back. */
  entry?: number | null;
}

export interface TrailEntry {
  id: number;
  /** Unix seconds. */
  at: number;
  host: string;
  object: string;
  field: string;
  before: unknown;
  after: unknown;
  who: string;
  source: string;
  lost: boolean;
  note: string;
}

/** What administrators decide about sync, as lists. */
export type PolicyName = 'rules' | 'exclusions';

/** What rules and exclusions would make of a machine. */
export interface Tried {
  host: string;
  uuid: string;
  name: string;
  project: string | null;
  standing: string | null;
  reason: string;
  now: { project: string | null; standing: string } | null;
}

export interface SyncHost {
  host: string;
  state: string;
  heard: number | null;
  domains?: number;
  reason: string;
}

/** Milliseconds after which it is asked anew whether a host has fallen silent: that is no event. */
const SILENCE = 30_000;
/** Instances that sync tells about in one answer. */
const ASKED_AT_ONCE = 100;

/** What pages ask of one region at the plane. */
export const regionQueries = {
  networkTemplate: (customer: string, region: string) => one<NetworkTemplate>('region', `${regionPath(customer, region)}/network-template`),
  hostInstances: (customer: string, region: string, host: string) =>
    items<HostInstance>('host', `${regionPath(customer, region)}/hosts/${encodeURIComponent(host)}/instances`),
  hostHistory: (customer: string, region: string, host: string) =>
    items<HostHistory>('host', `${regionPath(customer, region)}/hosts/${encodeURIComponent(host)}/history`),
  rollout: (customer: string, region: string) => one<Rollout>('host', `${regionPath(customer, region)}/rollout`),
  /** `null` of a region that was never rebuilt. */
  syncRebuilt: (customer: string, region: string) =>
    queryOptions({
      queryKey: ['sync', 'plane', customer, region, 'rebuilt'],
      queryFn: ({ signal }) => plane<Rebuilt>(`${regionPath(customer, region)}/sync/rebuilt`, { signal }).catch((error: unknown) => {
        if (error instanceof ApiError && error.status === 404) return null;
        throw error;
      }),
    }),
  /** `null` of an instance that sync does not know. */
  syncInstance: (customer: string, region: string, uuid: string) =>
    queryOptions({
      queryKey: ['sync', 'plane', customer, region, 'instances', uuid],
      queryFn: ({ signal }) => plane<SyncDetail>(`${regionPath(customer, region)}/sync/instances/${uuid}`, { signal }).catch((error: unknown) => {
        if (error instanceof ApiError && error.status === 404) return null;
        throw error;
      }),
      refetchInterval: SILENCE,
    }),
  /** What becomes of the disks of instances that are deleted, by their IDs; those that sync does not know are left out. */
  syncDisks: (customer: string, region: string, uuids: readonly string[]) =>
    queryOptions({
      queryKey: ['sync', 'plane', customer, region, 'disks', ...uuids],
      queryFn: async ({ signal }) => {
        const found = new Map<string, DiskOnHost[]>();
        for (let start = 0; start < uuids.length; start += ASKED_AT_ONCE) {
          const path = `${regionPath(customer, region)}/sync/disks${queryString({ instances: uuids.slice(start, start + ASKED_AT_ONCE).join(',') })}`;
          for (const { uuid, disks } of (await plane<Items<{ uuid: string; disks: DiskOnHost[] }>>(path, { signal })).items) found.set(uuid, disks);
        }
        return found;
      },
    }),
  syncPlaces: (customer: string, region: string) => sync<SyncPlace>(customer, region, 'networks'),
  syncSettings: (customer: string, region: string) => one<SyncSettings>('sync', `${regionPath(customer, region)}/sync/settings`),
  syncInstances: (customer: string, region: string) => sync<SyncInstance>(customer, region, 'instances'),
  syncDiff: (customer: string, region: string) => sync<SyncChange>(customer, region, 'diff'),
  syncTrail: (customer: string, region: string) => sync<TrailEntry>(customer, region, 'log', { limit: 500 }),
  syncPolicy: (customer: string, region: string, name: PolicyName) => sync<Record<string, string>>(customer, region, name),
  syncHosts: (customer: string, region: string) =>
    queryOptions({
      queryKey: ['sync', 'plane', customer, region, 'status'],
      queryFn: async ({ signal }) => (await plane<{ hosts: SyncHost[] }>(`${regionPath(customer, region)}/sync/status`, { signal })).hosts,
      refetchInterval: SILENCE,
    }),
};

function sync<T>(customer: string, region: string, part: string, parameters: Record<string, string | number> = {}) {
  return items<T>('sync', `${regionPath(customer, region)}/sync/${part}`, parameters);
}
