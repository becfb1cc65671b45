/** A page of the customer's portal over APIs that a test makes up. */
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render } from '@testing-library/react';
import type { ReactNode } from 'react';
import { MemoryRouter, Route, Routes, useLocation } from 'react-router';
import { vi } from 'vitest';

import { type Scope, ScopeContext } from '../api/scope';
import { type Session, SessionContext } from '../api/session';

const SCOPE: Scope = { project: 'p', region: 'r1' };

/** A customer's administrator in two regions, with what a test wants otherwise. */
export function aSession(change: Partial<Session> = {}): Session {
  const services = ['identity', 'compute', 'network', 'image', 'volume'];
  return {
    face: 'customer', customer: 'acme', user: { id: 'u', name: 'ann' }, project: { id: 'p', name: 'shop' }, projects: [{ id: 'p', name: 'shop' }],
    roles: ['admin'], administrator: true, regions: [{ name: 'r1', services }, { name: 'r2', services }], csrf: '', events: '', expires: '', ...change,
  };
}

/** The answer to a request in a project: what it holds, or with another status. */
export type Answers = (method: string, path: string, body: unknown, project: string | undefined) => unknown;

/** An answer that is an error. */
export class Refused {
  constructor(readonly status: number, readonly body: unknown) {}
}

/** Answer all requests; gives those that change something, as `METHOD path`. */
export function answering(answers: Answers): string[] {
  const changes: string[] = [];
  vi.stubGlobal('fetch', async (path: string, { method, body, headers }: { method: string; body?: string; headers?: Record<string, string> }) => {
    if (method !== 'GET') changes.push(`${method} ${path}`);
    const told = await answers(method, path, body === undefined ? undefined : JSON.parse(body), headers?.['X-Aloft-Project']);
    const [status, content] = told instanceof Refused ? [told.status, told.body] : [200, told];
    return new Response(JSON.stringify(content), { status, headers: { 'Content-Type': 'application/json' } });
  });
  return changes;
}

function Address() {
  const { pathname } = useLocation();
  return <output aria-label="address">{pathname}</output>;
}

/** Show a page at an address of the portal; `route` has its parameters. */
export function showPage(page: ReactNode, { session = aSession(), scope = SCOPE, at = '/', route = '*' }: {
  session?: Session;
  scope?: Scope;
  at?: string;
  route?: string;
} = {}) {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={client}>
      <SessionContext value={session}>
        <ScopeContext value={scope}>
          <MemoryRouter initialEntries={[at]}>
            <Routes><Route path={route} element={page} /></Routes>
            <Address />
          </MemoryRouter>
        </ScopeContext>
      </SessionContext>
    </QueryClientProvider>,
  );
  return client;
}
