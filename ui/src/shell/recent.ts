/** Tasks that were begun anywhere: instances' actions as Nova keeps them, and the plane's operations. */
import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';

import { listAll, openstack } from '../api/client';
import { onEvent } from '../api/events';
import { type Operation, planeQueries } from '../api/plane';
import { pathIn, type Scope } from '../api/scope';
import { type Session, useSession } from '../api/session';
import type { InstanceAction, Server } from '../api/types';
import { instant } from '../model/format';
import { actionText, operationText, texts, toldHere } from '../texts';
import { showTasks, type Task } from './tasks';

const RECENT_HOURS = 2;
const INSTANCES = 12;
const ACTIONS = 4;

/** How an instance's action stands. */
export function actionState({ message, events = [] }: InstanceAction): Task['state'] {
  if (message === 'Error' || events.some(({ result }) => result === 'Error')) return 'failed';
  return events.length > 0 && events.every(({ finish_time: end }) => end !== null) ? 'succeeded' : 'running';
}

/** An instance's action as a line of the task bar; Nova writes no end of what was under way when the instance went. */
export function actionTask(action: InstanceAction, name: string, session: Session, scope: Scope, gone = false): Task {
  const told = actionState(action);
  const overtaken = gone && told === 'running';
  const state = !overtaken ? told : action.action === 'delete' ? 'succeeded' : 'failed';
  const failed = action.events?.find(({ result }) => result === 'Error');
  return {
    id: `${action.instance_uuid}/${action.request_id}`,
    title: actionText(action.action),
    subject: name,
    who: action.user_id === session.user.id ? session.user.name : (action.user_id ?? ''),
    state,
    started: instant(action.start_time).toISOString(),
    ended: state === 'running' ? undefined : instant(action.updated_at ?? action.start_time).toISOString(),
    error: failed?.details ?? (overtaken && state === 'failed' ? texts.tasks.overtaken : undefined),
    link: gone ? undefined : pathIn(scope, 'instances', action.instance_uuid),
  };
}

/** An operation of the plane as a line of the task bar. */
export function operationTask(operation: Operation, link?: string): Task {
  const { error } = operation;
  return {
    id: operation.id,
    title: operationText(operation.kind),
    subject: operation.subject,
    who: operation.actor.replace(/^\w+:/, ''),
    state: operation.state === 'succeeded' ? 'succeeded' : operation.state === 'failed' || operation.state === 'cancelled' ? 'failed' : 'running',
    started: operation.created,
    ended: operation.ended ?? undefined,
    error: error === null ? undefined : toldHere(error),
    progress: operation.progress,
    link,
  };
}

async function lookAt(session: Session, scope: Scope, id: string, name: string, gone: boolean): Promise<void> {
  const path = `/v2.1/servers/${id}/os-instance-actions`;
  const { instanceActions } = await openstack<{ instanceActions: InstanceAction[] }>(scope.region, 'compute', `${path}?limit=${ACTIONS}`);
  const limit = Date.now() - RECENT_HOURS * 3_600_000;
  const recent = instanceActions.filter((action) => instant(action.start_time).getTime() > limit);
  const detailed = await Promise.all(recent.map(async (action) => {
    const answer = await openstack<{ instanceAction: InstanceAction }>(scope.region, 'compute', `${path}/${action.request_id}`);
    return answer.instanceAction;
  }));
  showTasks(detailed.map((action) => actionTask(action, name, session, scope, gone)));
}

/** Keep the task bar filled with what is done to the project's instances, by whomever. */
export function useInstanceTasks(scope: Scope): void {
  const session = useSession();
  const { project, region } = scope;
  useEffect(() => {
    const here = { project, region };
    const names = new Map<string, string>();
    const gone = new Set<string>();
    const quietly = (promise: Promise<void>) => void promise.catch(() => undefined);
    const since = new Date(Date.now() - RECENT_HOURS * 3_600_000).toISOString().slice(0, 19);
    const begin = async () => {
      const changed = await listAll<Server>(region, 'compute', '/v2.1/servers/detail', 'servers', { 'changes-since': since });
      for (const { id, name, status } of changed.slice(0, INSTANCES)) {
        names.set(id, name);
        if (status === 'DELETED') gone.add(id);
        quietly(lookAt(session, here, id, name, gone.has(id)));
      }
    };
    quietly(begin());
    const waiting = new Map<string, ReturnType<typeof setTimeout>>();
    const end = onEvent((event) => {
      if (event.kind !== 'instance' || event.region !== region) return;
      if (event.name) names.set(event.id, event.name);
      if (event.what === 'deleted') gone.add(event.id);
      clearTimeout(waiting.get(event.id));
      waiting.set(event.id, setTimeout(() => quietly(lookAt(session, here, event.id, names.get(event.id) ?? event.id, gone.has(event.id))), 400));
    });
    return () => {
      end();
      for (const timer of waiting.values()) clearTimeout(timer);
    };
  }, [session, project, region]);
}

/** Keep the task bar filled with the plane's operations; `base` is the address of the list of them. */
export function useOperationTasks(base: string): void {
  const { data } = useQuery(planeQueries.operations(30));
  useEffect(() => {
    if (data !== undefined) showTasks(data.map((operation) => operationTask(operation, `${base}/${operation.id}`)));
  }, [data, base]);
}
