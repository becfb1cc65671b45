import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import type { ReactNode } from 'react';
import { MemoryRouter } from 'react-router';
import { afterEach, describe, expect, it, vi } from 'vitest';

import type { Rebuilt, Rollout } from '../../api/plane';
import { RebuiltPart } from './RebuiltPart';
import { RolloutPart } from './RolloutPart';

const ROLLOUT: Rollout = {
  release: '2026.2', packages: { 'aloft-agent': '0.2' }, halted: '',
  hosts: [{ name: 'h1', progress: 'settled', release: '2026.2', packages: { 'aloft-agent': '0.2' }, reason: '' }],
};
const REBUILT: Rebuilt = {
  at: 1_790_000_000, rebuilt: { network: 3, instance: 7 }, missing: [{ name: 'db', uuid: 'u1', host: 'h2', reason: 'h2 has not been heard of' }],
  lost: [{ kind: 'key pair', which: '', what: 'all of them' }],
};

/** Show a part over a plane that answers all requests alike; gives what it was asked. */
function show(part: ReactNode, answer: unknown, status = 200): string[] {
  const asked: string[] = [];
  vi.stubGlobal('fetch', (path: string, { method }: { method: string }) => {
    asked.push(`${method} ${path}`);
    return Promise.resolve(new Response(JSON.stringify(answer), { status, headers: { 'Content-Type': 'application/json' } }));
  });
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(<QueryClientProvider client={client}><MemoryRouter>{part}</MemoryRouter></QueryClientProvider>);
  return asked;
}

afterEach(() => vi.unstubAllGlobals());

describe('the rollout of a region', () => {
  it('says which host runs what, and offers nothing while it goes on', async () => {
    show(<RolloutPart customer="acme" region="acme-1" />, ROLLOUT);
    expect(await screen.findByText('Up to date')).toBeTruthy();
    expect(screen.queryByRole('button', { name: 'Let it go on' })).toBeNull();
  });

  it('says why it halted, and goes on when that is asked for', async () => {
    const asked = show(<RolloutPart customer="acme" region="acme-1" />, { ...ROLLOUT, halted: 'h1 went back: a role failed' });
    await userEvent.click(await screen.findByRole('button', { name: 'Let it go on' }));
    expect(screen.getByText(/h1 went back: a role failed/)).toBeTruthy();
    expect(asked).toContain('POST /api/v1/customers/acme/regions/acme-1/rollout/retry');
  });
});

describe('what was rebuilt', () => {
  it('is told with what is missing and what is lost', async () => {
    show(<RebuiltPart customer="acme" region="acme-1" />, REBUILT);
    expect(await screen.findByText('db')).toBeTruthy();
    expect(screen.getByText('Key pair')).toBeTruthy();
    expect(screen.getByText('7')).toBeTruthy();
  });

  it('is nothing where no database was ever lost', async () => {
    show(<RebuiltPart customer="acme" region="acme-1" />, { error: { code: 'not_found', message: 'This region has never been rebuilt.', remedy: '' } }, 404);
    expect(await screen.findByText('Never rebuilt')).toBeTruthy();
  });

  it('is an error where the region does not answer', async () => {
    show(<RebuiltPart customer="acme" region="acme-1" />, { error: { code: 'unavailable', message: 'The region does not answer.', remedy: '' } }, 503);
    expect(await screen.findByText('The region does not answer.')).toBeTruthy();
  });
});
