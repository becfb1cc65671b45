import { Label } from '@patternfly/react-core';
import { useQueries, useQuery } from '@tanstack/react-query';

import { openstack } from '../../api/client';
import { queries } from '../../api/queries';
import { useScope } from '../../api/scope';
import { useSession } from '../../api/session';
import type { InstanceAction, Server } from '../../api/types';
import { duration } from '../../model/format';
import { Ago } from '../../parts/Ago';
import { type Column, ResourceTable } from '../../parts/ResourceTable';
import { StatusLabel } from '../../parts/StatusLabel';
import { actionState } from '../../shell/recent';
import { actionText, texts } from '../../texts';

const t = texts.instance.activity;
const DETAILED = 30;

/** Everything that was done to an instance, by whom, and how it ended. */
export function ActivityTab({ server }: { server: Server }) {
  const scope = useScope();
  const { user, administrator } = useSession();
  const list = useQuery(queries.instanceActions(scope, server.id));
  const users = useQuery({ ...queries.users(scope), enabled: administrator });
  const details = useQueries({
    queries: (list.data ?? []).slice(0, DETAILED).map(({ request_id: request, updated_at: updated }) => ({
      queryKey: ['instance', scope.region, scope.project, server.id, 'action', request, updated],
      queryFn: async () => {
        const path = `/v2.1/servers/${server.id}/os-instance-actions/${request}`;
        return (await openstack<{ instanceAction: InstanceAction }>(scope.region, 'compute', path)).instanceAction;
      },
    })),
  });
  const query = { ...list, data: list.data?.map((action, index) => details[index]?.data ?? action) } as typeof list;
  const who = ({ user_id: id }: InstanceAction) =>
    id === user.id ? user.name : (users.data?.find((one) => one.id === id)?.name ?? id ?? '');
  const steps = ({ events = [] }: InstanceAction) => events.map(({ event }) => event.replace(/^(compute|conductor)_+/, '')).join(', ');
  const columns: Column<InstanceAction>[] = [
    { key: 'action', title: t.columns.action, value: ({ action }) => actionText(action) },
    {
      key: 'outcome', title: t.columns.outcome, value: actionState, narrow: true,
      render: (action) => <StatusLabel status={actionState(action)} />,
    },
    { key: 'who', title: t.columns.who, value: who },
    { key: 'when', title: t.columns.when, value: ({ start_time: at }) => at, render: ({ start_time: at }) => <Ago at={at} /> },
    { key: 'took', title: t.columns.took, value: ({ start_time: from, updated_at: to }) => (to === null ? '' : duration(from, to)), right: true },
    { key: 'steps', title: t.columns.steps, value: steps, render: (action) => <Label isCompact variant="outline">{steps(action)}</Label> },
    { key: 'request', title: t.columns.request, value: ({ request_id: id }) => id, hidden: true },
  ];
  return <ResourceTable id="instance-activity" query={query} columns={columns} rowKey={({ request_id: id }) => id} empty={t.empty} />;
}
