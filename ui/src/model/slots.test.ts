import { describe, expect, it } from 'vitest';

import { assigned, type Slots } from './slots';

const NONE: Slots = new Map();

describe('slots of rows', () => {
  it('are given in order', () => expect([...assigned(NONE, ['a', 'b'], null)]).toEqual([['a', 0], ['b', 1]]));

  it('stay with rows that stay, and are taken over from those that left', () => {
    const before = assigned(NONE, ['a', 'b', 'c'], null);
    expect([...assigned(before, ['b', 'c', 'd'], null)]).toEqual([['b', 1], ['c', 2], ['d', 0]]);
    expect([...assigned(before, ['x', 'y', 'z', 'new'], null)]).toEqual([['x', 0], ['y', 1], ['z', 2], ['new', 3]]);
  });

  it('are not taken over from the row that somebody is in', () => {
    const before = assigned(NONE, ['a', 'b'], null);
    expect([...assigned(before, ['x', 'y'], 1)]).toEqual([['x', 0], ['y', 2]]);
    expect([...assigned(before, ['b', 'a'], 1)]).toEqual([['b', 1], ['a', 0]]);
  });

  it('are never given twice', () => {
    let slots = NONE;
    for (let step = 0; step < 200; step += 1) {
      const keys = Array.from({ length: 5 + (step % 7) }, (_, index) => String((step * 13 + index) % 40));
      slots = assigned(slots, keys, step % 3 === 0 ? step % 11 : null);
      expect(new Set(slots.values()).size).toBe(keys.length);
    }
  });
});
