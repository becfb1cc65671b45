import { Alert, Card, CardBody, CardTitle } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';

import { type Operation, planeQueries, planOf, type Upgrade } from '../../api/plane';
import { Ago } from '../../parts/Ago';
import { Loaded } from '../../parts/ErrorState';
import { Facts } from '../../parts/Facts';
import { OperationSteps } from '../../parts/OperationSteps';
import { ResourceTable } from '../../parts/ResourceTable';
import { operationText, texts } from '../../texts';
import { OPERATION_COLUMNS } from './operationColumns';
import { UpgradePlan } from './UpgradePlan';

const t = texts.upgrades;
const ID = ({ id }: Operation) => id;

/** Where a customer stands with upgrades: what serves it, what is under way, what the last rehearsal found, and what was done. */
export function UpgradePart({ customer, base, actions }: {
  customer: string;
  /** The address of the list of operations. */
  base: string;
  /** What can be done about it as it stands. */
  actions?: (upgrade: Upgrade) => React.ReactNode;
}) {
  const query = useQuery(planeQueries.upgrade(customer));
  const past = useQuery({
    ...planeQueries.operations(200, customer),
    select: (all) => all.filter(({ kind }) => kind.startsWith('upgrade.') || kind === 'backup.restore'),
  });
  return (
    <Loaded query={query}>
      {(upgrade) => {
        const running = past.data?.find(({ id }) => id === upgrade.operation?.id) ?? upgrade.operation;
        const latest = past.data?.find(({ state }) => state === 'succeeded');
        const plan = latest === undefined ? null : planOf(latest);
        return (
          <div className="al-stack">
            {actions !== undefined && <div className="al-row">{actions(upgrade)}</div>}
            <Facts facts={[[t.columns.release, upgrade.pins === '' ? upgrade.release : `${upgrade.release} (${upgrade.pins})`], [t.columns.kept, upgrade.kept], [t.columns.since, upgrade.since && <Ago key="since" at={upgrade.since} />]]} />
            {upgrade.kept !== '' && running === null && <Alert isInline isPlain variant="info" title={actions === undefined ? t.keptByProvider(upgrade.kept) : t.keptLead(upgrade.kept)} />}
            <div className="al-cards al-cards-wide">
              {running !== null && (
                <Card isCompact>
                  <CardTitle component="h2">{operationText(running.kind)}</CardTitle>
                  <CardBody><OperationSteps operation={running} /></CardBody>
                </Card>
              )}
              {plan !== null && (
                <Card isCompact>
                  <CardTitle component="h2">{t.planned.title}</CardTitle>
                  <CardBody><UpgradePlan plan={plan} /></CardBody>
                </Card>
              )}
            </div>
            <h2 className="pf-v6-c-title pf-m-lg">{t.history}</h2>
            <ResourceTable id="upgrade-history" query={past} columns={OPERATION_COLUMNS} rowKey={ID} link={({ id }) => `${base}/${id}`} empty={t.noHistory} />
          </div>
        );
      }}
    </Loaded>
  );
}
