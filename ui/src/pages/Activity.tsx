import { useMemo } from 'react';

import { useActivity, useActor } from '../api/activity';
import { pathIn, useScope } from '../api/scope';
import type { InstanceAction } from '../api/types';
import { actionColumns } from '../parts/instanceActions';
import { ListPage } from '../parts/ListPage';
import type { Column } from '../parts/ResourceTable';
import { actionState } from '../shell/recent';
import { actionText, texts } from '../texts';

const t = texts.activity;
const c = texts.instance.activity.columns;
const FACETS = [
  { key: 'outcome', title: c.outcome, value: actionState },
  { key: 'action', title: c.action, value: ({ action }: InstanceAction) => action, text: actionText },
];

/** What was done in the project lately. */
export default function Activity() {
  const scope = useScope();
  const { query, names } = useActivity(scope);
  const who = useActor(scope);
  const columns = useMemo((): Column<InstanceAction>[] => [
    { key: 'instance', title: t.instance, value: ({ instance_uuid: id }) => names.get(id) ?? id },
    ...actionColumns(who),
  ], [names, who]);
  return (
    <ListPage
      id="activity"
      title={t.title}
      lead={t.lead}
      query={query}
      columns={columns}
      rowKey={({ instance_uuid: id, request_id: request }) => `${id}/${request}`}
      link={({ instance_uuid: id }) => pathIn(scope, 'instances', id, 'activity')}
      facets={FACETS}
      empty={t.empty}
    />
  );
}
