import { Alert, Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';

import { regionPath, regionQueries, type RolloutHost } from '../../api/plane';
import { line } from '../../model/json';
import { atHand } from '../../parts/asked';
import { Loaded } from '../../parts/ErrorState';
import { Facts } from '../../parts/Facts';
import { type Column, ResourceTable } from '../../parts/ResourceTable';
import { StatusLabel } from '../../parts/StatusLabel';
import { usePlaneChange } from '../../parts/useChange';
import { tell } from '../../shell/tasks';
import { texts } from '../../texts';

const t = texts.rollout;
const COLUMNS: Column<RolloutHost>[] = [
  { key: 'name', title: t.columns.name, value: ({ name }) => name },
  { key: 'progress', title: t.columns.progress, value: ({ progress }) => progress, render: ({ progress }) => <StatusLabel status={progress} />, narrow: true },
  { key: 'release', title: t.columns.release, value: ({ release }) => release },
  { key: 'packages', title: t.columns.packages, value: ({ packages }) => line(packages) },
  { key: 'reason', title: t.columns.reason, value: ({ reason }) => reason },
];
const KEY = ({ name }: RolloutHost) => name;

/** How a region's hosts come to the software that they shall run, and the way on when that has halted. */
export function RolloutPart({ customer, region }: { customer: string; region: string }) {
  const query = useQuery(regionQueries.rollout(customer, region));
  const change = usePlaneChange();
  const retry = () => void change('POST', `${regionPath(customer, region)}/rollout/retry`, undefined, 'host').catch((error: unknown) => tell(t.retry, error));
  return (
    <Loaded query={query}>
      {({ release, packages, halted, hosts }) => (
        <section className="al-stack" aria-label={`${t.title}: ${region}`}>
          <h2 className="pf-v6-c-title pf-m-lg">{`${t.title}: ${region}`}</h2>
          <p className="al-quiet">{t.lead}</p>
          {halted !== '' && <Alert isInline variant="warning" title={t.halted(halted)} actionLinks={<Button variant="link" isInline onClick={retry}>{t.retry}</Button>} />}
          <Facts columns={1} facts={[[t.columns.release, release], [t.columns.packages, line(packages)]]} />
          <ResourceTable id="rollout" query={atHand(hosts)} columns={COLUMNS} rowKey={KEY} empty={texts.hosts.empty} />
        </section>
      )}
    </Loaded>
  );
}
