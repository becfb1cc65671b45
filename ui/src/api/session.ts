/** The session: who is logged in, in which project, with which regions. */
import { queryOptions, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { createContext, useContext } from 'react';

import { leaveProject, rememberSession, request } from './client';
import { ApiError } from './errors';

export interface Named {
  id: string;
  name: string;
  domain?: string;
}

export interface SessionRegion {
  name: string;
  services: string[];
}

export interface Session {
  face: 'customer' | 'provider';
  customer: string | null;
  user: Named;
  project: Named | null;
  projects: Named[];
  roles: string[];
  administrator: boolean;
  regions: SessionRegion[];
  csrf: string;
  expires: string;
  /** How far the events had come when this was told: all that is asked for later is at least as new. */
  events: string;
}

export interface Face {
  face: 'customer' | 'provider';
  customer: string | null;
  domain: string;
  version: string;
}

export interface Login {
  user: string;
  password: string;
  domain?: string;
  project?: string;
}

const KEY = ['session'] as const;

/** The session, or `null` when nobody is logged in. */
export const sessionQuery = queryOptions({
  queryKey: KEY,
  queryFn: async (): Promise<Session | null> => {
    const read = async () => remember(await request<Session>('/session'));
    try {
      return await read().catch((error: unknown) => {
        if (!(error instanceof ApiError) || error.status !== 404) throw error;
        leaveProject(); // the user has no role in it any more
        return read();
      });
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return null;
      throw error;
    }
  },
  staleTime: Infinity,
});

/** What the login page needs to know. */
export const faceQuery = queryOptions({
  queryKey: ['face'],
  queryFn: () => request<Face>('/face'),
  staleTime: Infinity,
});

function remember(session: Session): Session {
  rememberSession(session.csrf, session.project?.id);
  return session;
}

/** Log in, out, and change the project; each leaves the cache with nothing of another identity. */
export function useSessionActions() {
  const client = useQueryClient();
  const replace = (session: Session | null) => {
    client.removeQueries({ predicate: (query) => query.queryKey[0] !== 'session' && query.queryKey[0] !== 'face' });
    client.setQueryData(KEY, session);
  };
  return {
    logIn: async (login: Login) => replace(remember(await request<Session>('/session', { method: 'POST', body: login }))),
    logOut: async () => {
      await request('/session', { method: 'DELETE' });
      replace(null);
    },
    enterProject: async (project: string) =>
      replace(remember(await request<Session>('/session/project', { method: 'PUT', body: { project } }))),
  };
}

/** The session of whoever is logged in, or `null`; suspends until it is known. */
export function useMaybeSession(): Session | null {
  return useSuspenseQuery(sessionQuery).data;
}

/** The session of the person whose pages these are. */
export const SessionContext = createContext<Session | null>(null);

/** The session; only within pages that need one. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === null) throw new Error('a page that needs a session was shown without one');
  return session;
}
