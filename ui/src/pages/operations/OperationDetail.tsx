import { Alert, Card, CardBody, CardTitle } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useParams } from 'react-router';

import { type Operation, planeQueries, planOf } from '../../api/plane';
import { duration } from '../../model/format';
import { line } from '../../model/json';
import { Ago } from '../../parts/Ago';
import { Loaded } from '../../parts/ErrorState';
import { Facts } from '../../parts/Facts';
import { OperationSteps } from '../../parts/OperationSteps';
import { Page } from '../../parts/Page';
import { StatusLabel } from '../../parts/StatusLabel';
import { messageHere, operationText, remedyHere, texts } from '../../texts';
import { UpgradePlan } from './UpgradePlan';

const t = texts.operations;

/** One operation while it runs and afterwards: its steps, what came of it, or why not. `base` is the address of the list. */
export default function OperationDetail({ base }: { base: string }) {
  const { id = '' } = useParams();
  const query = useQuery(planeQueries.operation(id));
  return <Loaded query={query}>{(operation) => <Detail operation={operation} base={base} />}</Loaded>;
}

function Detail({ operation, base }: { operation: Operation; base: string }) {
  const { kind, subject, actor, state, created, started, ended, error, result } = operation;
  const plan = planOf(operation);
  return (
    <Page title={`${operationText(kind)}: ${subject}`} above={{ title: t.title, to: base }} badge={<StatusLabel status={state} />}>
      {error !== null && <Alert isInline variant="danger" title={messageHere(error.message)}>{remedyHere(error.remedy)}</Alert>}
      <Facts facts={[
        [t.columns.actor, actor.replace(/^\w+:/, '')],
        [t.columns.created, <Ago key="created" at={created} />],
        [t.columns.took, started !== null && ended !== null && duration(started, ended)],
        [t.result, plan === null && line(result)],
      ]} />
      <div className="al-cards al-cards-wide">
        <Card isCompact>
          <CardTitle component="h2">{t.steps}</CardTitle>
          <CardBody><OperationSteps operation={operation} /></CardBody>
        </Card>
        {plan !== null && (
          <Card isCompact>
            <CardTitle component="h2">{texts.upgrades.planned.title}</CardTitle>
            <CardBody><UpgradePlan plan={plan} /></CardBody>
          </Card>
        )}
      </div>
    </Page>
  );
}
