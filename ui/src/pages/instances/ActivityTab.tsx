import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';

import { useActor, useDetailed } from '../../api/activity';
import { queries } from '../../api/queries';
import { useScope } from '../../api/scope';
import type { Server } from '../../api/types';
import { actionColumns } from '../../parts/instanceActions';
import { ResourceTable } from '../../parts/ResourceTable';
import { texts } from '../../texts';

/** Everything that was done to an instance, by whom, and how it ended. */
export function ActivityTab({ server }: { server: Server }) {
  const scope = useScope();
  const list = useQuery(queries.instanceActions(scope, server.id));
  const detailed = useDetailed(scope, list.data ?? []);
  const who = useActor(scope);
  const columns = useMemo(() => actionColumns(who), [who]);
  return (
    <ResourceTable
      id="instance-activity"
      query={{ ...list, data: list.data === undefined ? undefined : detailed }}
      columns={columns}
      rowKey={({ request_id: id }) => id}
      empty={texts.instance.activity.empty}
    />
  );
}
