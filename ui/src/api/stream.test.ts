import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { listen } from './stream';

/** The browser's: the test says what happens to the connection. */
class Source extends EventTarget {
  static readonly CLOSED = 2;
  static all: Source[] = [];
  readyState = 0;
  onopen: () => void = () => undefined;
  onerror: () => void = () => undefined;
  close = vi.fn();
  constructor(readonly url: string) {
    super();
    Source.all.push(this);
  }
  refuse(): void {
    this.readyState = Source.CLOSED;
    this.onerror();
  }
}

function latest(): Source {
  const found = Source.all.at(-1);
  if (found === undefined) throw new Error('nothing was opened');
  return found;
}

const onLost = vi.fn();
const take = vi.fn();
let end: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('EventSource', Source);
  Source.all = [];
  onLost.mockClear();
  end = listen({ project: 'p 1', from: 'ab-3-', events: { volume: take }, onLost });
});

afterEach(() => {
  end();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it('listens in the window’s project, from where its session was told', () => {
  expect(latest().url).toBe('/events?project=p+1&after=ab-3-');
});

it('leaves a connection that broke off to the browser', () => {
  latest().onerror();
  vi.runAllTimers();
  expect(Source.all).toHaveLength(1);
  expect(onLost).toHaveBeenCalledOnce();
});

it('connects anew after an answer that was an error, later each time, from the last event that came', () => {
  latest().dispatchEvent(new MessageEvent('volume', { data: '{}', lastEventId: 'ab-7-' }));
  expect(take).toHaveBeenCalledOnce();
  latest().refuse();
  vi.advanceTimersByTime(1000);
  expect(Source.all).toHaveLength(2);
  expect(latest().url).toContain('after=ab-7-');
  latest().refuse();
  vi.advanceTimersByTime(1000);
  expect(Source.all).toHaveLength(2);
  vi.advanceTimersByTime(1000);
  expect(Source.all).toHaveLength(3);
});

it('never gives up', () => {
  for (let tries = 0; tries < 50; tries += 1) {
    latest().refuse();
    vi.runAllTimers();
  }
  expect(Source.all).toHaveLength(51);
});

it('connects no more when nobody listens', () => {
  latest().refuse();
  end();
  vi.runAllTimers();
  expect(Source.all).toHaveLength(1);
});
