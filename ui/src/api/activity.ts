/** What was done to instances: Nova keeps each instance's actions, and how each went in a record of its own. */
import { queryOptions, useQueries, useQuery } from '@tanstack/react-query';
import { useCallback, useMemo } from 'react';

import { instant } from '../model/format';
import { texts } from '../texts';
import { listAll, openstack } from './client';
import { onEvent } from './events';
import { queries } from './queries';
import type { Scope } from './scope';
import { useSession } from './session';
import type { InstanceAction, Server } from './types';

const DAYS = 7;
const INSTANCES = 30;
const ACTIONS = 60;

/** Instances that something happened to lately, also those that are gone, the latest first. */
const changedQuery = (scope: Scope) =>
  queryOptions({
    queryKey: ['instance', scope.region, scope.project, 'activity'],
    queryFn: async ({ signal }) => {
      const since = new Date(Date.now() - DAYS * 86_400_000).toISOString().slice(0, 19);
      const found = await listAll<Server>(scope, 'compute', '/v2.1/servers/detail', 'servers', { 'changes-since': since }, signal);
      return found.sort((a, b) => instant(b.updated).getTime() - instant(a.updated).getTime()).slice(0, INSTANCES);
    },
  });

/** The actions with how they went, of as many as are shown. An action that has not changed is asked for once. */
export function useDetailed(scope: Scope, actions: readonly InstanceAction[]): InstanceAction[] {
  return useQueries({
    queries: actions.slice(0, ACTIONS).map(({ instance_uuid: id, request_id: request, updated_at: updated }) => ({
      queryKey: ['instance', scope.region, scope.project, id, 'action', request, updated],
      queryFn: async () => {
        const path = `/v2.1/servers/${id}/os-instance-actions/${request}`;
        return (await openstack<{ instanceAction: InstanceAction }>(scope, 'compute', path)).instanceAction;
      },
    })),
    combine: (found) => actions.map((action, index) => found[index]?.data ?? action),
  });
}

/** What was done lately to all instances of the project, the latest first, and what they are called. */
export function useActivity(scope: Scope) {
  const changed = useQuery(changedQuery(scope));
  const actions = useQueries({
    queries: (changed.data ?? []).map(({ id, updated }) => ({
      queryKey: ['instance', scope.region, scope.project, 'activity-of', id, updated],
      queryFn: async ({ signal }: { signal: AbortSignal }) => {
        const path = `/v2.1/servers/${id}/os-instance-actions`;
        return (await openstack<{ instanceActions: InstanceAction[] }>(scope, 'compute', path, { signal })).instanceActions;
      },
      staleTime: Infinity,
    })),
    combine: (found) => found.flatMap(({ data }) => data ?? [])
      .sort((a, b) => instant(b.start_time).getTime() - instant(a.start_time).getTime()).slice(0, ACTIONS),
  });
  const detailed = useDetailed(scope, actions);
  const names = useMemo(() => new Map((changed.data ?? []).map(({ id, name }) => [id, name])), [changed.data]);
  return { query: { ...changed, data: changed.data === undefined ? undefined : detailed }, names };
}

/** People's names by their identifiers, as events told them: only administrators may ask Keystone for those of others. */
const told = new Map<string, string>();
onEvent(({ actor, actor_id: id }) => {
  if (actor !== undefined && id !== undefined) told.set(id, actor);
});

const BEGINNING = 8;

/**
 * Gives the name of a user; of one whose name one may not know the beginning of the identifier. `known` once there are no
 * more names to come.
 */
export function useUserNames(scope: Scope): { name: (id: string | null) => string; known: boolean } {
  const { user, administrator } = useSession();
  const users = useQuery({ ...queries.users(scope), enabled: administrator });
  const name = useCallback((id: string | null) => {
    if (id === null || id === '') return '';
    if (id === user.id) return user.name;
    return users.data?.find((one) => one.id === id)?.name ?? told.get(id) ?? texts.tasks.nobody(id.slice(0, BEGINNING));
  }, [user, users.data]);
  return { name, known: !administrator || users.isFetched };
}

/** Gives the name of who did an action. */
export function useActor(scope: Scope): (action: InstanceAction) => string {
  const { name } = useUserNames(scope);
  return useCallback(({ user_id: id }) => name(id), [name]);
}
