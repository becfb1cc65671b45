/** What was done lately, here and elsewhere: the lines of the task bar and the notifications. */
import { useSyncExternalStore } from 'react';

import { asApiError } from '../api/errors';
import type { Followed } from '../model/happenings';

export interface Task {
  id: string;
  title: string;
  /** What it is done to. */
  subject: string;
  who: string;
  /** `accepted`: it goes on, and events say how it ends. */
  state: 'running' | 'accepted' | 'succeeded' | 'failed';
  started: string;
  ended?: string;
  error?: string;
  link?: string;
  /** 0 to 1, where it is known. */
  progress?: number;
}

export interface Notice {
  id: string;
  kind: 'success' | 'danger' | 'info';
  title: string;
  body: string;
  at: string;
  link?: string;
  unread: boolean;
}

interface State {
  tasks: readonly Task[];
  notices: readonly Notice[];
}

const KEPT = 60;
let state: State = { tasks: [], notices: [] };
let number = 0;
const watchers = new Set<() => void>();

function change(next: State): void {
  state = next;
  for (const watcher of watchers) watcher();
}

/** Tasks in order: running ones first, then the latest first. */
export function arranged(tasks: readonly Task[]): Task[] {
  const when = ({ started }: Task) => Date.parse(started);
  return [...tasks].sort((a, b) => Number(b.state === 'running') - Number(a.state === 'running') || when(b) - when(a)).slice(0, KEPT);
}

/** Show tasks, in the place of those of the same identifiers. */
export function showTasks(tasks: readonly Task[]): void {
  const fresh = new Map(tasks.map((task) => [task.id, task]));
  const kept = state.tasks.filter(({ id }) => !fresh.has(id));
  change({ ...state, tasks: arranged([...fresh.values(), ...kept]) });
}

/** Show tasks, and tell of those that have failed since they were shown last; says whether any has. */
export function tellTasks(tasks: readonly Task[]): boolean {
  const news = tasks.filter((task) => task.state === 'failed' && state.tasks.find(({ id }) => id === task.id)?.state !== 'failed');
  showTasks(tasks);
  for (const { title, subject, error, link } of news) notify('danger', `${title}: ${subject}`, error, link);
  return news.length > 0;
}

/** The lines as they are. */
export function shownTasks(): readonly Task[] {
  return state.tasks;
}

/** Put a line that was answered in the place of the one that tells how it ends, unless that says so already. */
function follow(task: Task, { line, goesOn }: Followed): void {
  const told = state.tasks.find(({ id }) => id === line);
  const kept = told === undefined || (told.state === 'accepted' && !goesOn) ? { state: goesOn ? 'accepted' as const : 'succeeded' as const } : { state: told.state, ended: told.ended, error: told.error };
  const tasks = state.tasks.filter(({ id }) => id !== task.id && id !== line);
  change({ ...state, tasks: arranged([{ ...task, ended: goesOn ? undefined : new Date().toISOString(), ...kept, id: line }, ...tasks]) });
}

/** Tell something that somebody ought to see though they look elsewhere. */
export function notify(kind: Notice['kind'], title: string, body = '', link?: string): void {
  number += 1;
  const notice = { id: `notice-${number}`, kind, title, body, link, at: new Date().toISOString(), unread: true };
  change({ ...state, notices: [notice, ...state.notices].slice(0, KEPT) });
}

/** Tell that something failed which has no dialogue that could say so. */
export function tell(title: string, thrown: unknown): void {
  const { message, remedy } = asApiError(thrown);
  notify('danger', title, `${message} ${remedy}`.trim());
}

/** Forget notices, or mark them as read. */
export const notices = {
  read: () => change({ ...state, notices: state.notices.map((notice) => ({ ...notice, unread: false })) }),
  drop: (id: string) => change({ ...state, notices: state.notices.filter((notice) => notice.id !== id) }),
  clear: () => change({ ...state, notices: [] }),
};

/** Forget everything, when somebody else comes. */
export function forgetTasks(): void {
  change({ tasks: [], notices: [] });
}

/** What something is in the task bar. */
interface Said {
  title: string;
  subject: string;
  who?: string;
  link?: string;
}

function begun({ who = '', ...said }: Said): Task {
  number += 1;
  return { ...said, who, id: `here-${number}`, state: 'running', started: new Date().toISOString() };
}

function failed(task: Task, thrown: unknown): void {
  const { message, remedy } = asApiError(thrown);
  const error = `${message} ${remedy}`.trim();
  showTasks([{ ...task, state: 'failed', ended: new Date().toISOString(), error }]);
  notify('danger', `${task.title}: ${task.subject}`, error, task.link);
}

/** Ask for something that the task bar hears of from elsewhere once it is accepted; when it is refused, say so and throw on. */
export async function ask<T>(said: Said, work: () => Promise<T>): Promise<T> {
  const task = begun(said);
  try {
    return await work();
  } catch (thrown) {
    failed(task, thrown);
    throw thrown;
  }
}

/**
 * Do something and show it in the task bar; when it fails, say so and throw on.
 *
 * @param work is given a function that tells how much is done (0 to 1).
 * @param ends says by the answer which line tells how it ends, where another one does.
 */
export async function run<T>(
  said: Said,
  work: (progress: (share: number) => void) => Promise<T>,
  ends: (answer: T) => Followed | null = () => null,
): Promise<T> {
  const task = begun(said);
  showTasks([task]);
  try {
    const result = await work((progress) => showTasks([{ ...task, progress }]));
    const followed = ends(result);
    if (followed === null) showTasks([{ ...task, state: 'succeeded', ended: new Date().toISOString() }]);
    else follow(task, followed);
    return result;
  } catch (thrown) {
    failed(task, thrown);
    throw thrown;
  }
}

function subscribe(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => void watchers.delete(watcher);
}

/** The lines of the task bar. */
export function useTasks(): readonly Task[] {
  return useSyncExternalStore(subscribe, () => state.tasks);
}

/** What is to be told. */
export function useNotices(): readonly Notice[] {
  return useSyncExternalStore(subscribe, () => state.notices);
}
