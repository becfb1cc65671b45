/** Which of the rows that are in the page shows which row of a long list. Pure. */

/** By the key of a row, the number of the slot that shows it. */
export type Slots = ReadonlyMap<string, number>;

/**
 * Slots for rows. A row that stays in sight keeps its slot; one that comes into sight takes over that of one that left, which
 * costs a browser a fraction of making a row anew. `held` is the slot that somebody is in with the keyboard: it is not taken
 * over, lest a key press reach another row than the one that was meant.
 */
export function assigned(before: Slots, keys: readonly string[], held: number | null): Slots {
  const wanted = new Set(keys);
  const free: number[] = [];
  let next = 0;
  for (const [key, slot] of before) {
    if (slot >= next) next = slot + 1;
    if (!wanted.has(key) && slot !== held) free.push(slot);
  }
  if (held !== null && held >= next) next = held + 1;
  let taken = 0;
  return new Map(keys.map((key) => {
    const kept = before.get(key);
    if (kept !== undefined) return [key, kept];
    const slot = free[taken] ?? next++;
    taken += 1;
    return [key, slot];
  }));
}
