import { useSyncExternalStore } from 'react';

import { ago, dateTime } from '../model/format';

const TICK = 10_000;
const watchers = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of watchers) each();
  }, TICK);
  return () => {
    watchers.delete(watcher);
    if (watchers.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** How long ago something was; all on a page are kept true by one clock. */
export function Ago({ at }: { at: string | null | undefined }) {
  const time = useSyncExternalStore(watch, () => now);
  if (!at) return null;
  return <time dateTime={at} title={dateTime(at)} className="al-nowrap">{ago(at, Math.max(time, now))}</time>;
}
