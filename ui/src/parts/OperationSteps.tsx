import { Progress } from '@patternfly/react-core';

import type { Operation } from '../api/plane';
import { duration } from '../model/format';
import { texts } from '../texts';
import { StatusLabel } from './StatusLabel';

/** How far an operation is: its steps, with what each says of itself and how long it took. */
export function OperationSteps({ operation }: { operation: Operation }) {
  const { state, progress, steps } = operation;
  return (
    <div className="al-stack">
      {(state === 'running' || state === 'queued') && <Progress size="sm" value={Math.round(progress * 100)} aria-label={texts.operations.columns.progress} />}
      <ol className="al-steps" aria-label={texts.operations.steps}>
        {steps.map(({ name, state: stands, started, ended, detail }) => (
          <li key={name}>
            <StatusLabel status={stands} />
            <span>{name}</span>
            <span className="al-quiet">{detail}</span>
            <span className="al-quiet">{started !== null && ended !== null && duration(started, ended)}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}
