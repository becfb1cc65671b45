import { Button, Card, CardBody, CardTitle } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';

import { type Customer, customerPath, goesOn, planeQueries } from '../../api/plane';
import { OperationSteps } from '../../parts/OperationSteps';
import type { RowAction } from '../../parts/ResourceTable';
import { type Dialogs, formAction } from '../../parts/rowActions';
import { usePlaneChange } from '../../parts/useChange';
import { tell } from '../../shell/tasks';
import { operationText, texts } from '../../texts';

const t = texts.moves;
const KIND = 'customer.move';
const path = (customer: string) => `${customerPath(customer)}/move`;

/** The node that a customer is on: all of its regions are on the same one. */
export function nodeOf({ regions }: Customer): string {
  return regions.find(({ identity }) => identity)?.node ?? '';
}

/** What the provider can do about the node that a customer is on. */
export function useMoveAction(dialogs: Dialogs): RowAction<Customer> {
  const nodes = useQuery(planeQueries.nodes());
  const change = usePlaneChange();
  const others = (customer: Customer) => (nodes.data ?? []).filter(({ name, state }) => state === 'up' && name !== nodeOf(customer));
  return formAction<Customer>(dialogs, {
    key: 'move', title: t.move, called: ({ display_name: name }) => name, when: (customer) => others(customer).length > 0, lead: t.lead, action: t.start,
    fields: (customer) => [
      { name: 'node', title: t.node, kind: 'select', choices: others(customer).map(({ name, controllers }) => ({ value: name, title: t.choice(name, controllers) })) },
      { name: 'any_time', title: texts.upgrades.anyTime, kind: 'tick' },
    ],
    send: ({ name }, { node, any_time: anyTime }) => change('POST', path(name), { node, any_time: anyTime === 'true' }, 'customer', 'region'),
  });
}

/** A customer's move while it is under way, and the way to give it up. */
export function MoveUnderWay({ customer }: { customer: string }) {
  const change = usePlaneChange();
  const moves = useQuery({
    ...planeQueries.operations(50, customer),
    select: (all) => all.filter((one) => one.kind === KIND && goesOn(one)),
  });
  const [running] = moves.data ?? [];
  if (running === undefined) return null;
  const abort = () => void change('POST', `${path(customer)}/abort`, undefined).catch((error: unknown) => tell(t.abort, error));
  return (
    <Card isCompact>
      <CardTitle component="h2">{operationText(KIND)}</CardTitle>
      <CardBody>
        <div className="al-stack">
          <OperationSteps operation={running} />
          <div className="al-row"><Button variant="secondary" isDanger onClick={abort}>{t.abort}</Button></div>
        </div>
      </CardBody>
    </Card>
  );
}
