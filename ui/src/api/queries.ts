/**
 * What pages ask of the OpenStack APIs. A query's key begins with the kind of the thing, as events name it, then the
 * region, then the project: so an event finds all that it makes stale (see `events.ts`).
 */
import { queryOptions } from '@tanstack/react-query';

import { listAll, openstack, type Service } from './client';
import type { Scope } from './scope';
import type {
  Aggregate, AvailabilityZone, ComputeService, Flavor, FloatingIp, Image, InstanceAction, Keypair, Network, Port,
  Project, Role, RoleAssignment, Router, SecurityGroup, Server, Subnet, User, Volume, VolumeSnapshot,
} from './types';

type Parameters = Record<string, string | number | boolean | undefined>;

function list<T extends { id: string }>(
  kind: string, scope: Scope, service: Service, path: string, key: string, parameters: Parameters = {},
  shown: (item: T) => boolean = () => true,
) {
  return queryOptions({
    queryKey: [kind, scope.region, scope.project, 'list', parameters],
    queryFn: async ({ signal }) => (await listAll<T>(scope, service, path, key, parameters, signal)).filter(shown),
  });
}

function one<T>(kind: string, scope: Scope, id: string, service: Service, path: string, key: string) {
  return queryOptions({
    queryKey: [kind, scope.region, scope.project, id, path],
    queryFn: async ({ signal }) => {
      const answer = await openstack<Record<string, unknown>>(scope, service, path, { signal });
      return (key === '' ? answer : answer[key]) as T;
    },
  });
}

/** Used and free: `limit` -1 is unlimited. */
export interface Quota {
  used: number;
  limit: number;
}

export interface ComputeLimits {
  instances: Quota;
  cores: Quota;
  ram: Quota;
}

export interface VolumeLimits {
  volumes: Quota;
  snapshots: Quota;
  gigabytes: Quota;
}

export type NetworkQuotas = Record<'network' | 'subnet' | 'port' | 'router' | 'floatingip' | 'security_group', Quota>;

/** What Cinder calls the type of volumes of which no type was asked for. */
const DEFAULT_TYPE = '__DEFAULT__';

export const queries = {
  // Nova lists an instance for a moment after it has told of its end, and tells of nothing more.
  instances: (scope: Scope) =>
    list<Server>('instance', scope, 'compute', '/v2.1/servers/detail', 'servers', {}, ({ status }) => status !== 'DELETED'),
  instance: (scope: Scope, id: string) => one<Server>('instance', scope, id, 'compute', `/v2.1/servers/${id}`, 'server'),
  instanceActions: (scope: Scope, id: string) =>
    one<InstanceAction[]>('instance', scope, id, 'compute', `/v2.1/servers/${id}/os-instance-actions`, 'instanceActions'),
  instancePorts: (scope: Scope, id: string) =>
    one<Port[]>('port', scope, id, 'network', `/v2.0/ports?device_id=${id}`, 'ports'),
  instanceVolumes: (scope: Scope, id: string) =>
    one<{ volumeId: string; device: string; delete_on_termination: boolean; tag: string | null; bdm_uuid?: string }[]>(
      'instance', scope, id, 'compute', `/v2.1/servers/${id}/os-volume_attachments`, 'volumeAttachments'),
  instanceLog: (scope: Scope, id: string, lines: number) =>
    queryOptions({
      queryKey: ['instance', scope.region, scope.project, id, 'log', lines],
      queryFn: async ({ signal }) => {
        const body = { 'os-getConsoleOutput': { length: lines } };
        const path = `/v2.1/servers/${id}/action`;
        return (await openstack<{ output: string }>(scope, 'compute', path, { method: 'POST', body, signal })).output;
      },
    }),
  flavors: (scope: Scope) => list<Flavor>('flavor', scope, 'compute', '/v2.1/flavors/detail', 'flavors', { is_public: 'None' }),
  publicFlavors: (scope: Scope) => list<Flavor>('flavor', scope, 'compute', '/v2.1/flavors/detail', 'flavors'),
  keypairs: (scope: Scope) =>
    queryOptions({
      queryKey: ['keypair', scope.region, scope.project, 'list'],
      queryFn: async ({ signal }) => {
        const path = '/v2.1/os-keypairs?limit=1000';
        const { keypairs } = await openstack<{ keypairs: { keypair: Keypair }[] }>(scope, 'compute', path, { signal });
        return keypairs.map(({ keypair }) => ({ ...keypair, id: keypair.name }));
      },
    }),
  zones: (scope: Scope) =>
    one<AvailabilityZone[]>('service', scope, 'zones', 'compute', '/v2.1/os-availability-zone', 'availabilityZoneInfo'),
  zonesWithHosts: (scope: Scope) =>
    one<AvailabilityZone[]>('service', scope, 'zones-with-hosts', 'compute', '/v2.1/os-availability-zone/detail', 'availabilityZoneInfo'),
  aggregates: (scope: Scope) => one<Aggregate[]>('aggregate', scope, 'list', 'compute', '/v2.1/os-aggregates', 'aggregates'),
  services: (scope: Scope) => one<ComputeService[]>('service', scope, 'list', 'compute', '/v2.1/os-services', 'services'),
  /** Whether a host of the region keeps volumes: Cinder names a zone for each that does. */
  blockStorage: (scope: Scope) => queryOptions({
    ...one<unknown[]>('service', scope, 'volume-zones', 'volume', '/v3/os-availability-zone', 'availabilityZoneInfo'),
    select: (zones: unknown[]) => zones.length > 0,
  }),
  volumes: (scope: Scope) => list<Volume>('volume', scope, 'volume', '/v3/volumes/detail', 'volumes'),
  volumeTypes: (scope: Scope) => 
    list<{ id: string; name: string }>('volume-type', scope, 'volume', '/v3/types', 'volume_types', {}, ({ name }) => name !== DEFAULT_TYPE),
  snapshots: (scope: Scope) => list<VolumeSnapshot>('volume-snapshot', scope, 'volume', '/v3/snapshots/detail', 'snapshots'),
  images: (scope: Scope) => list<Image>('image', scope, 'image', '/v2/images', 'images'),
  networks: (scope: Scope) => list<Network>('network', scope, 'network', '/v2.0/networks', 'networks'),
  subnets: (scope: Scope) => list<Subnet>('subnet', scope, 'network', '/v2.0/subnets', 'subnets'),
  ports: (scope: Scope) => list<Port>('port', scope, 'network', '/v2.0/ports', 'ports', { project_id: scope.project }),
  routers: (scope: Scope) => list<Router>('router', scope, 'network', '/v2.0/routers', 'routers', { project_id: scope.project }),
  floatingIps: (scope: Scope) =>
    list<FloatingIp>('floating-ip', scope, 'network', '/v2.0/floatingips', 'floatingips', { project_id: scope.project }),
  securityGroups: (scope: Scope) =>
    list<SecurityGroup>('security-group', scope, 'network', '/v2.0/security-groups', 'security_groups', { project_id: scope.project }),
  projects: (scope: Scope) => list<Project>('project', scope, 'identity', '/v3/projects', 'projects'),
  users: (scope: Scope) => list<User>('user', scope, 'identity', '/v3/users', 'users'),
  roles: (scope: Scope) => list<Role>('role', scope, 'identity', '/v3/roles', 'roles'),
  assignments: (scope: Scope) =>
    one<RoleAssignment[]>('role', scope, 'assignments', 'identity', '/v3/role_assignments?include_names=true', 'role_assignments'),
  computeLimits: (scope: Scope) =>
    queryOptions({
      queryKey: ['instance', scope.region, scope.project, 'limits'],
      queryFn: async ({ signal }): Promise<ComputeLimits> => {
        const path = '/v2.1/limits';
        const { limits } = await openstack<{ limits: { absolute: Record<string, number> } }>(scope, 'compute', path, { signal });
        return {
          instances: pick(limits.absolute, 'totalInstancesUsed', 'maxTotalInstances'),
          cores: pick(limits.absolute, 'totalCoresUsed', 'maxTotalCores'),
          ram: pick(limits.absolute, 'totalRAMUsed', 'maxTotalRAMSize'),
        };
      },
    }),
  volumeLimits: (scope: Scope) =>
    queryOptions({
      queryKey: ['volume', scope.region, scope.project, 'limits'],
      queryFn: async ({ signal }): Promise<VolumeLimits> => {
        const path = '/v3/limits';
        const { limits } = await openstack<{ limits: { absolute: Record<string, number> } }>(scope, 'volume', path, { signal });
        return {
          volumes: pick(limits.absolute, 'totalVolumesUsed', 'maxTotalVolumes'),
          snapshots: pick(limits.absolute, 'totalSnapshotsUsed', 'maxTotalSnapshots'),
          gigabytes: pick(limits.absolute, 'totalGigabytesUsed', 'maxTotalVolumeGigabytes'),
        };
      },
    }),
  networkQuotas: (scope: Scope) =>
    queryOptions({
      queryKey: ['port', scope.region, scope.project, 'limits'],
      queryFn: async ({ signal }): Promise<NetworkQuotas> => {
        const path = `/v2.0/quotas/${scope.project}/details.json`;
        return (await openstack<{ quota: NetworkQuotas }>(scope, 'network', path, { signal })).quota;
      },
    }),
};

function pick(limits: Record<string, number>, used: string, limit: string): Quota {
  return { used: limits[used] ?? 0, limit: limits[limit] ?? -1 };
}
