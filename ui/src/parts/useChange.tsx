import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';

import { type Method, openstack, plane, type Service } from '../api/client';
import { useScope } from '../api/scope';
import { useSession } from '../api/session';
import { followed } from '../model/happenings';
import { run } from '../shell/tasks';

interface Said {
  /** What is done, for the task bar. */
  title: string;
  subject: string;
  link?: string;
  /** The API's version, where another than the usual one is needed: `compute 2.91`. */
  version?: string;
}

/** Change something by one of the region's APIs: a line in the task bar, and what it makes stale is asked for anew. */
export function useChange() {
  const scope = useScope();
  const { user } = useSession();
  const client = useQueryClient();
  return async <T,>({ version, ...said }: Said, service: Service, method: Method, path: string, body: unknown, ...kinds: string[]): Promise<T> => {
    const headers: Record<string, string> = version === undefined ? {} : { 'OpenStack-API-Version': version };
    if (method === 'PATCH' && service === 'image') headers['Content-Type'] = 'application/openstack-images-v2.1-json-patch';
    const answer = await run({ ...said, who: user.name }, () => openstack<T>(scope, service, path, { method, body, headers }),
      (told) => followed(service, method, path, body, told));
    await client.invalidateQueries({ predicate: ({ queryKey }) => kinds.includes(String(queryKey[0])) });
    return answer;
  };
}

/** Change something by the plane's REST. What is an operation there shows in the task bar from there. */
export function usePlaneChange() {
  const client = useQueryClient();
  return async <T,>(method: Method, path: string, body: unknown, ...kinds: string[]): Promise<T> => {
    const answer = await plane<T>(path, { method, body });
    await client.invalidateQueries({ predicate: ({ queryKey }) => kinds.includes(String(queryKey[0])) || queryKey[0] === 'operation' });
    return answer;
  };
}

/** The one dialogue of a page: what to show, and how to open and close it. */
export function useDialog(): { dialog: ReactNode; open: (dialog: ReactNode) => void; close: () => void } {
  const [dialog, setDialog] = useState<ReactNode>(null);
  return { dialog, open: setDialog, close: () => setDialog(null) };
}
