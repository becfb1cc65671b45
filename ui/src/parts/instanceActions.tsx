import { actionState } from '../shell/recent';
import type { InstanceAction } from '../api/types';
import { duration } from '../model/format';
import { actionText, texts } from '../texts';
import { Ago } from './Ago';
import type { Column } from './ResourceTable';
import { StatusLabel } from './StatusLabel';

const t = texts.instance.activity.columns;
const ended = (action: InstanceAction) => (actionState(action) === 'running' ? null : action.updated_at);

/** The columns of lists of what was done to instances; `who` names the person. */
export function actionColumns(who: (action: InstanceAction) => string): Column<InstanceAction>[] {
  return [
    { key: 'action', title: t.action, value: ({ action }) => actionText(action) },
    { key: 'outcome', title: t.outcome, value: actionState, narrow: true, render: (action) => <StatusLabel status={actionState(action)} /> },
    { key: 'who', title: t.who, value: who },
    { key: 'when', title: t.when, value: ({ start_time: at }) => at, render: ({ start_time: at }) => <Ago at={at} /> },
    { key: 'took', title: t.took, value: (action) => { const end = ended(action); return end === null ? '' : duration(action.start_time, end); }, right: true },
    { key: 'error', title: t.error, value: ({ events = [] }) => events.find(({ result }) => result === 'Error')?.details ?? '' },
    { key: 'request', title: t.request, value: ({ request_id: id }) => id, hidden: true },
  ];
}
