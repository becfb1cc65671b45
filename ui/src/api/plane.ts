/** What the plane's REST gives (`/v1/openapi.json` describes it), and how to ask for it. */
import { queryOptions } from '@tanstack/react-query';

import { plane, queryString } from './client';

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
  created: string;
  started: string | null;
  ended: string | null;
}

/** Which release serves a customer, which is kept for the way back (or nothing), and what is under way. */
export interface Upgrade {
  customer: string;
  release: string;
  kept: string;
  since: string | null;
  operation: Operation | null;
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
  node: string;
  state: string;
  detail: string;
}

export interface Node {
  name: string;
  address: string;
  state: 'up' | 'down' | 'unknown';
  detail: string;
  seen: string | null;
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
  shared: Component[];
  regions: { customer: string; region: string; release: string; phase: string; error: Told | null; components: Component[] }[];
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
  /** Whether somebody has to look at it. */
  late: boolean;
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

/** Everything that pages ask of the plane. */
export const planeQueries = {
  operations: (limit = 50) => items<Operation>('operation', '/operations', { limit }),
  customers: () => items<Customer>('customer', '/customers'),
  regions: () => items<Region>('region', '/regions'),
  releases: () => items<Release>('release', '/releases'),
  nodes: () => items<Node>('node', '/nodes'),
  hosts: () => items<Host>('host', '/hosts'),
  hostTokens: (customer: string, region: string) => items<HostToken>('host', `${regionPath(customer, region)}/host-tokens`),
  audit: (customer?: string) => items<AuditEntry>('operation', '/audit', { customer, limit: 500 }),
  backups: () => items<Backup>('backup', '/backups'),
  repositories: () => items<Repository>('backup', '/repositories'),
  wave: () =>
    queryOptions({
      queryKey: ['operation', 'plane', 'upgrade-wave'],
      queryFn: ({ signal }) => plane<Wave>('/upgrade-wave', { signal }),
      refetchInterval: 15_000,
    }),
  backupPolicy: (customer: string) =>
    queryOptions({
      queryKey: ['backup', 'plane', 'policy', customer],
      queryFn: ({ signal }) => plane<BackupPolicy>(`/customers/${encodeURIComponent(customer)}/backup-policy`, { signal }),
    }),
  settings: (customer: string) =>
    queryOptions({
      queryKey: ['customer', 'plane', 'settings', customer],
      queryFn: ({ signal }) => plane<CustomerSettings>(settingsPath(customer), { signal }),
    }),
  status: () =>
    queryOptions({
      queryKey: ['region', 'plane', 'status'],
      queryFn: ({ signal }) => plane<Status>('/status', { signal }),
      refetchInterval: 30_000,
    }),
};

/** The path of what a customer's administrator sets. */
export function settingsPath(customer: string): string {
  return `/customers/${encodeURIComponent(customer)}/settings`;
}

/** The path of a customer's region at the plane. */
export function regionPath(customer: string, region: string): string {
  return `/customers/${encodeURIComponent(customer)}/regions/${encodeURIComponent(region)}`;
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
  reason: string;
}

export interface SyncChange {
  host: string;
  object: string;
  action: string;
  field: string;
  before?: unknown;
  after?: unknown;
  note: string;
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

/** What pages ask of one region at the plane. */
export const regionQueries = {
  networkTemplate: (customer: string, region: string) =>
    queryOptions({
      queryKey: ['region', 'plane', customer, region, 'network-template'],
      queryFn: ({ signal }) => plane<NetworkTemplate>(`${regionPath(customer, region)}/network-template`, { signal }),
    }),
  hostInstances: (customer: string, region: string, host: string) =>
    items<HostInstance>('host', `${regionPath(customer, region)}/hosts/${encodeURIComponent(host)}/instances`),
  syncInstances: (customer: string, region: string) => sync<SyncInstance>(customer, region, 'instances'),
  syncDiff: (customer: string, region: string) => sync<SyncChange>(customer, region, 'diff'),
  syncTrail: (customer: string, region: string) => sync<TrailEntry>(customer, region, 'log', { limit: 500 }),
  syncPolicy: (customer: string, region: string, name: PolicyName) => sync<Record<string, string>>(customer, region, name),
  syncHosts: (customer: string, region: string) =>
    queryOptions({
      queryKey: ['sync', 'plane', customer, region, 'status'],
      queryFn: async ({ signal }) => (await plane<{ hosts: SyncHost[] }>(`${regionPath(customer, region)}/sync/status`, { signal })).hosts,
      // That a host has fallen silent is no event.
      refetchInterval: 30_000,
    }),
};

function sync<T>(customer: string, region: string, part: string, parameters: Record<string, string | number> = {}) {
  return items<T>('sync', `${regionPath(customer, region)}/sync/${part}`, parameters);
}
