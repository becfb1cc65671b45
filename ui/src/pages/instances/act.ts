/** Doing things to instances: requests, shown in the task bar. */
import { type QueryClient, useQueryClient } from '@tanstack/react-query';

import { openstack } from '../../api/client';
import { refreshInstance } from '../../api/events';
import { pathIn, type Scope, useScope } from '../../api/scope';
import { useSession } from '../../api/session';
import type { Server } from '../../api/types';
import type { InstanceAction } from '../../model/instanceActions';
import { texts } from '../../texts';
import { ask, run } from '../../shell/tasks';

/** What Nova changes without keeping an action of it. */
const UNKEPT: ReadonlySet<InstanceAction> = new Set(['rename', 'editMetadata']);

/** Send something about one instance, and ask for it anew. */
export function usePerform() {
  const scope = useScope();
  const { user } = useSession();
  const client = useQueryClient();
  const line = (action: InstanceAction, { id, name }: Server) =>
    ({ title: texts.instances.names[action], subject: name, who: user.name, link: pathIn(scope, 'instances', id) });
  return {
    /** `POST /servers/{id}/action`; Nova keeps the action, so the task bar hears of it from there. */
    act: async (action: InstanceAction, server: Server, body: Record<string, unknown>) => {
      await ask(line(action, server), () => openstack(scope, 'compute', `/v2.1/servers/${server.id}/action`, { method: 'POST', body }));
      await refresh(client, scope, server.id);
    },
    /** Any other request, with a line in the task bar where Nova keeps none. */
    send: async (action: InstanceAction, server: Server, work: () => Promise<unknown>) => {
      await (UNKEPT.has(action) ? run : ask)(line(action, server), async () => work());
      await refresh(client, scope, server.id);
    },
  };
}

/** Ask for one instance anew, in its page and in lists. */
export async function refresh(client: QueryClient, { region, project }: Scope, id: string): Promise<void> {
  void client.invalidateQueries({ queryKey: ['port', region] });
  void client.invalidateQueries({ queryKey: ['volume', region] });
  await client.invalidateQueries({ queryKey: ['instance', region, project, id] });
  await refreshInstance(client, { region, project }, id);
}
