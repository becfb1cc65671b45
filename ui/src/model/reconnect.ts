const FIRST = 1000;
const LONGEST = 10_000;
const TRIES = 30;

/** Milliseconds to wait before a lost connection is tried again, after so many tries in vain; `null` when it is given up. */
export function pauseBeforeTry(tries: number): number | null {
  return tries < TRIES ? Math.min(FIRST * 2 ** tries, LONGEST) : null;
}
