/** The connection that events come by, made again for as long as somebody listens. */
import { useSyncExternalStore } from 'react';

import { pauseBeforeTry } from '../model/reconnect';
import { queryString } from './client';

export type Connection = 'connecting' | 'open' | 'lost';

const LONGEST_PAUSE = 10_000;

let connection: Connection = 'connecting';
const watchers = new Set<() => void>();

function setConnection(now: Connection): void {
  connection = now;
  for (const watcher of watchers) watcher();
}

/** Whether changes reach the page. */
export function useConnection(): Connection {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => void watchers.delete(watcher);
    },
    () => connection,
  );
}

/** Where to listen from, and what to do with what comes. */
export interface Listening {
  project: string | undefined;
  /** The place that the session told: what is shown is at least as new. */
  from: string;
  events: Record<string, (message: MessageEvent<string>) => void>;
  onLost: () => void;
}

/**
 * Listen; gives what ends it. A browser connects again by itself when a connection breaks off, but not after an answer
 * that is an error, such as the edge's while the portal is not there: then it is made anew here, from where it broke off.
 */
export function listen({ project, from, events, onLost }: Listening): () => void {
  let source: EventSource;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let after = from;
  let tries = 0;
  const connect = () => {
    source = new EventSource(`/events${queryString({ project, after: after === '' ? undefined : after })}`);
    for (const [kind, take] of Object.entries(events)) {
      source.addEventListener(kind, (message: MessageEvent<string>) => {
        after = message.lastEventId === '' ? after : message.lastEventId;
        take(message);
      });
    }
    source.onopen = () => {
      tries = 0;
      setConnection('open');
    };
    source.onerror = () => {
      setConnection('lost');
      onLost();
      if (source.readyState !== EventSource.CLOSED) return;
      timer = setTimeout(connect, pauseBeforeTry(tries) ?? LONGEST_PAUSE);
      tries += 1;
    };
  };
  connect();
  return () => {
    clearTimeout(timer);
    source.close();
    setConnection('connecting');
  };
}
