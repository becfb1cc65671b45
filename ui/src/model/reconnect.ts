const FIRST = 1000;
const LONGEST = 10_000;
const TRIES = 30;

/** Close codes of the back end's consoles that another try does not change: no session, not allowed, no such thing. */
const FINAL: readonly number[] = [4401, 4403, 4404];

/** Whether a websocket was closed for a reason that another try does not change. */
export function closedForGood(code: number): boolean {
  return FINAL.includes(code);
}

/** Milliseconds to wait before a lost connection is tried again, after so many tries in vain; `null` when it is given up. */
export function pauseBeforeTry(tries: number): number | null {
  return tries < TRIES ? Math.min(FIRST * 2 ** tries, LONGEST) : null;
}
