import { Progress } from '@patternfly/react-core';

import type { Operation } from '../../api/plane';
import { duration } from '../../model/format';
import { Ago } from '../../parts/Ago';
import type { Column } from '../../parts/ResourceTable';
import { StatusLabel } from '../../parts/StatusLabel';
import { operationText, texts, toldHere } from '../../texts';

const t = texts.operations;

/** The columns of every list of operations. */
export const OPERATION_COLUMNS: Column<Operation>[] = [
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
  { key: 'error', title: t.columns.error, value: ({ error }) => (error === null ? '' : toldHere(error)) },
];
