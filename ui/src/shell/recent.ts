/** Tasks that were begun anywhere: instances' actions as Nova keeps them, and the plane's operations. */
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';

import { useUserNames } from '../api/activity';
import { listAll, openstack } from '../api/client';
import { onEvent } from '../api/events';
import { type Operation, planeQueries } from '../api/plane';
import { adminPath, pathIn, providerHostPath, type Scope } from '../api/scope';
import { useSession } from '../api/session';
import type { InstanceAction, Server } from '../api/types';
import { instant } from '../model/format';
import { linesAfter, turnedBad } from '../model/happenings';
import { actionText, operationText, texts, toldHere } from '../texts';
import { notify, shownTasks, showTasks, type Task, tellTasks } from './tasks';

const RECENT_HOURS = 2;
const INSTANCES = 12;
const ACTIONS = 4;

/** How an instance's action stands. */
export function actionState({ message, events = [] }: InstanceAction): Task['state'] {
  if (message === 'Error' || events.some(({ result }) => result === 'Error')) return 'failed';
  return events.length > 0 && events.every(({ finish_time: end }) => end !== null) ? 'succeeded' : 'running';
}

/** An instance's action as a line of the task bar; Nova writes no end of what was under way when the instance went. */
export function actionTask(action: InstanceAction, name: string, who: (action: InstanceAction) => string, scope: Scope, gone = false): Task {
  const told = actionState(action);
  const overtaken = gone && told === 'running';
  const state = !overtaken ? told : action.action === 'delete' ? 'succeeded' : 'failed';
  const failed = action.events?.find(({ result }) => result === 'Error');
  return {
    id: `${action.instance_uuid}/${action.request_id}`,
    title: actionText(action.action),
    subject: name,
    who: who(action),
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

async function actionsOf(who: (action: InstanceAction) => string, scope: Scope, id: string, name: string, gone: boolean): Promise<Task[]> {
  const path = `/v2.1/servers/${id}/os-instance-actions`;
  const { instanceActions } = await openstack<{ instanceActions: InstanceAction[] }>(scope, 'compute', `${path}?limit=${ACTIONS}`);
  const limit = Date.now() - RECENT_HOURS * 3_600_000;
  const recent = instanceActions.filter((action) => instant(action.start_time).getTime() > limit);
  const detailed = await Promise.all(recent.map(async (action) => {
    const answer = await openstack<{ instanceAction: InstanceAction }>(scope, 'compute', `${path}/${action.request_id}`);
    return answer.instanceAction;
  }));
  return detailed.map((action) => actionTask(action, name, who, scope, gone));
}

/** Keep the task bar filled with what is done to the project's instances, by whomever, and tell of what fails. */
export function useInstanceTasks(scope: Scope): void {
  const { name: userName, known } = useUserNames(scope);
  const userNames = useRef(userName);
  useEffect(() => { userNames.current = userName; });
  const { project, region } = scope;
  useEffect(() => {
    if (!known) return undefined;
    const here = { project, region };
    const who = ({ user_id: id }: InstanceAction) => userNames.current(id);
    const names = new Map<string, string>();
    const gone = new Set<string>();
    const bad = new Set<string>();
    const quietly = (promise: Promise<void>) => void promise.catch(() => undefined);
    const since = new Date(Date.now() - RECENT_HOURS * 3_600_000).toISOString().slice(0, 19);
    const begin = async () => {
      const changed = await listAll<Server>(here, 'compute', '/v2.1/servers/detail', 'servers', { 'changes-since': since });
      for (const { id, name, status } of changed.slice(0, INSTANCES)) {
        names.set(id, name);
        if (status === 'DELETED') gone.add(id);
        quietly(actionsOf(who, here, id, name, gone.has(id)).then(showTasks));
      }
    };
    quietly(begin());
    quietly(listAll<Server>(region, 'compute', '/v2.1/servers', 'servers', { status: 'ERROR' }).then((servers) => servers.forEach(({ id }) => bad.add(id))));
    const look = async (id: string, turned: boolean) => {
      const name = names.get(id) ?? id;
      const told = tellTasks(await actionsOf(who, here, id, name, gone.has(id)));
      if (turned && !told) notify('danger', texts.notices.instanceError(name), texts.instances.faultRemedy, pathIn(here, 'instances', id));
    };
    const turned = new Set<string>();
    const waiting = new Map<string, ReturnType<typeof setTimeout>>();
    const end = onEvent((event) => {
      if (event.kind !== 'instance' || event.region !== region || event.project !== project) return;
      if (event.name) names.set(event.id, event.name);
      if (event.what === 'deleted') gone.add(event.id);
      if (turnedBad(event, bad)) turned.add(event.id);
      clearTimeout(waiting.get(event.id));
      waiting.set(event.id, setTimeout(() => quietly(look(event.id, turned.delete(event.id))), 400));
    });
    return () => {
      end();
      for (const timer of waiting.values()) clearTimeout(timer);
    };
  }, [known, project, region]);
}

/** Keep the task bar filled with what events tell of the project's volumes, images and networks, by whomever. */
export function useThingTasks({ project, region }: Scope): void {
  const { user } = useSession();
  useEffect(() => onEvent((event) => {
    const lines = linesAfter(event, shownTasks(), { project, region }, user.id);
    if (lines.length > 0) tellTasks(lines);
  }), [project, region, user.id]);
}

/** Tell of hosts that fall silent or fail. */
export function useHostNotices(): void {
  const { face } = useSession();
  useEffect(() => onEvent(({ kind, region, id, name = '', status = '' }) => {
    const told = kind === 'host' ? texts.notices.hosts[status] : undefined;
    if (told === undefined || region === null) return;
    const [customer = ''] = name.split('/');
    notify('danger', told.title(id), told.remedy, face === 'provider' ? providerHostPath({ customer, region, name: id }) : adminPath(region, 'hosts', id));
  }), [face]);
}

/** Keep the task bar filled with the plane's operations, and tell of those that fail; `base` is the address of the list of them. */
export function useOperationTasks(base: string): void {
  const { data } = useQuery(planeQueries.operations(30));
  const known = useRef(false);
  useEffect(() => {
    if (data === undefined) return;
    const tasks = data.map((operation) => operationTask(operation, `${base}/${operation.id}`));
    if (known.current) tellTasks(tasks);
    else showTasks(tasks);
    known.current = true;
  }, [data, base]);
}
