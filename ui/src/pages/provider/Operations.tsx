import { Progress } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';

import { type Operation, planeQueries } from '../../api/plane';
import { duration } from '../../model/format';
import { Ago } from '../../parts/Ago';
import { ConfirmDialog } from '../../parts/FormDialog';
import { ListPage } from '../../parts/ListPage';
import type { Column } from '../../parts/ResourceTable';
import { StatusLabel } from '../../parts/StatusLabel';
import { useDialog, usePlaneChange } from '../../parts/useChange';
import { operationText, texts } from '../../texts';

const t = texts.operations;
const COLUMNS: Column<Operation>[] = [
  { key: 'kind', title: t.columns.kind, value: ({ kind }) => operationText(kind) },
  { key: 'subject', title: t.columns.subject, value: ({ subject }) => subject },
  { key: 'state', title: t.columns.state, value: ({ state }) => state, render: ({ state }) => <StatusLabel status={state} />, narrow: true },
  {
    key: 'progress', title: t.columns.progress, value: ({ progress }) => progress,
    render: ({ state, progress, steps }) => state === 'running'
      ? <Progress size="sm" value={Math.round(progress * 100)} aria-label={t.columns.progress} />
      : state === 'succeeded' ? '' : (steps.at(-1)?.name ?? ''),
  },
  { key: 'actor', title: t.columns.actor, value: ({ actor }) => actor.replace(/^\w+:/, '') },
  { key: 'created', title: t.columns.created, value: ({ created }) => created, render: ({ created }) => <Ago at={created} /> },
  { key: 'took', title: t.columns.took, value: ({ started, ended }) => (started === null || ended === null ? '' : duration(started, ended)), right: true },
  { key: 'error', title: t.columns.error, value: ({ error }) => (error === null ? '' : `${error.message} ${error.remedy}`) },
];
const FACETS = [
  { key: 'state', title: t.columns.state, value: ({ state }: Operation) => state },
  { key: 'kind', title: t.columns.kind, value: ({ kind }: Operation) => kind, text: operationText },
];

/** Every change that somebody asked the plane for. */
export default function Operations() {
  const query = useQuery(planeQueries.operations(500));
  const change = usePlaneChange();
  const { dialog, open, close } = useDialog();
  return (
    <ListPage
      id="operations"
      title={t.title}
      query={query}
      columns={COLUMNS}
      rowKey={({ id }) => id}
      facets={FACETS}
      empty={t.empty}
      rowActions={() => [{
        key: 'cancel', title: t.cancel, danger: true,
        when: ({ kind, state }) => (state === 'running' || state === 'queued') && (kind === 'customer.create' || kind === 'region.create'),
        run: ([one]) => one !== undefined && open(
          <ConfirmDialog title={texts.confirm.ask(t.cancel, `${operationText(one.kind)} ${one.subject}`)} action={t.cancel} close={close} send={() => change('POST', `/operations/${one.id}/cancel`, undefined)}>
            {t.cancelWill}
          </ConfirmDialog>,
        ),
      }]}
      dialog={dialog}
    />
  );
}
