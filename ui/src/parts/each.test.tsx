import { render, screen } from '@testing-library/react';
import { describe, expect, it } from 'vitest';

import { ApiError, endsSession } from '../api/errors';
import { each } from './each';
import { ErrorNote } from './ErrorState';

const REFUSED = new ApiError(409, '409', 'It is locked.', 'Unlock it.');
const ENDED = new ApiError(401, 'session_ended', 'Your session has ended.', 'Log in again.');

async function failure(rows: string[], fails: Record<string, ApiError>): Promise<unknown> {
  const done: string[] = [];
  try {
    await each(rows, (row) => row, (row) => {
      done.push(row);
      return fails[row] === undefined ? Promise.resolve() : Promise.reject(fails[row]);
    });
  } catch (thrown) {
    expect([...done].sort()).toEqual([...rows].sort());
    return thrown;
  }
  return null;
}

describe('the same for many', () => {
  it('fails for none', async () => expect(await failure(['a', 'b'], {})).toBeNull());

  it('is done to all, and tells for which it failed, in their order', async () => {
    const thrown = await failure(['a', 'b', 'c'], { a: REFUSED, c: new ApiError(503, '503', 'Nova is away.', 'Try again.') });
    render(<ErrorNote error={thrown} />);
    expect(screen.getByText(/Failed for 2 of 3/)).toBeTruthy();
    expect(screen.getAllByRole('listitem').map(({ textContent }) => textContent)).toEqual(['a: It is locked. Unlock it.', 'c: Nova is away. Try again.']);
  });

  it('is told as it is where there is one', async () => expect(await failure(['a'], { a: REFUSED })).toBe(REFUSED));

  it('ends the session where one of them was told so', async () => expect(endsSession(await failure(['a', 'b'], { a: REFUSED, b: ENDED }))).toBe(true));
});
