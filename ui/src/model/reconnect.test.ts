import { describe, expect, it } from 'vitest';

import { pauseBeforeTry } from './reconnect';

describe('pauseBeforeTry', () => {
  it('begins soon, waits longer each time, and never long', () => {
    expect([0, 1, 2, 3, 4, 29].map(pauseBeforeTry)).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000]);
  });

  it('goes on for longer than a controller takes to be there again, and ends', () => {
    let waited = 0;
    let tries = 0;
    for (let pause = pauseBeforeTry(0); pause !== null; pause = pauseBeforeTry(tries)) {
      waited += pause;
      tries += 1;
    }
    expect(waited).toBeGreaterThan(4 * 60_000);
  });
});
