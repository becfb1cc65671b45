import { act, render } from '@testing-library/react';
import { type NavigateFunction, MemoryRouter, useLocation, useNavigate } from 'react-router';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { type ChangeQuery, useAddressQuery } from './addressQuery';

beforeEach(() => { vi.useFakeTimers(); });
afterEach(() => { vi.useRealTimers(); });

function show(at: string) {
  const seen = { held: '', address: '' };
  const means: { change?: ChangeQuery; go?: NavigateFunction } = {};
  function Probe() {
    const [query, change] = useAddressQuery();
    const { search } = useLocation();
    const go = useNavigate();
    means.change = change;
    means.go = go;
    seen.held = query.toString();
    seen.address = search.slice(1);
    return null;
  }
  render(<MemoryRouter initialEntries={[at]}><Probe /></MemoryRouter>);
  return {
    seen,
    change: (changes: Record<string, string>) => act(() => { means.change?.(changes); }),
    go: (to: string) => act(async () => { await means.go?.(to); }),
    pause: () => act(async () => { await vi.advanceTimersByTimeAsync(1000); }),
  };
}

describe('the query of the address', () => {
  it('is what the page was opened with', () => {
    expect(show('/?q=web&sort=-name').seen.held).toBe('q=web&sort=-name');
  });

  it('holds at once and is written when the person pauses; an empty value is taken out', async () => {
    const { seen, change, pause } = show('/?q=web&sort=name');
    change({ q: 'web-1' });
    change({ sort: '' });
    expect(seen).toEqual({ held: 'q=web-1', address: 'q=web&sort=name' });
    await pause();
    expect(seen).toEqual({ held: 'q=web-1', address: 'q=web-1' });
  });

  it('keeps what is typed after an address was written', async () => {
    const { seen, change, pause } = show('/');
    change({ q: 'a' });
    await pause();
    change({ q: 'ab' });
    expect(seen).toEqual({ held: 'q=ab', address: 'q=a' });
    await pause();
    expect(seen.address).toBe('q=ab');
  });

  it('follows an address that somebody else gave', async () => {
    const { seen, change, go, pause } = show('/?q=a');
    change({ q: 'b' });
    await pause();
    await go('/?q=elsewhere');
    expect(seen).toEqual({ held: 'q=elsewhere', address: 'q=elsewhere' });
    await pause();
    expect(seen.address).toBe('q=elsewhere');
  });
});
