import { Alert, Card, CardBody, CardTitle } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';

import { planeQueries } from '../../api/plane';
import { nodeMood } from '../../model/moods';
import { repositoryState, repositoryTrouble } from '../../model/repositories';
import { counts } from '../../model/rows';
import { Loaded } from '../../parts/ErrorState';
import { Page } from '../../parts/Page';
import { StatusLabel } from '../../parts/StatusLabel';
import { texts } from '../../texts';

const t = texts.health;

/** Whether all is well, and where it is not. */
export default function Health() {
  const query = useQuery(planeQueries.status());
  return (
    <Page title={t.title}>
      <Loaded query={query}>
        {({ healthy, node, peers, shared, regions, hosts, backups, repositories }) => (
          <>
            <Alert isInline variant={healthy ? 'success' : 'warning'} title={healthy ? t.well : t.unwell} />
            <div className="al-cards">
              <Card isCompact>
                <CardTitle component="h2">{t.nodes}</CardTitle>
                <CardBody>
                  <ul className="al-stack al-tight">
                    {[node, ...peers].map(({ name, state, detail }) => (
                      <li key={name} className="al-row"><StatusLabel status={state} mood={nodeMood(state)} /><Link to="/provider/nodes">{name}</Link><span className="al-quiet">{detail}</span></li>
                    ))}
                  </ul>
                </CardBody>
              </Card>
              <Card isCompact>
                <CardTitle component="h2">{t.shared}</CardTitle>
                <CardBody>
                  <ul className="al-stack al-tight">
                    {shared.map(({ name, state, reason }) => <li key={name} className="al-row"><StatusLabel status={state} /><span>{name}</span><span className="al-quiet">{reason}</span></li>)}
                  </ul>
                </CardBody>
              </Card>
              <Card isCompact>
                <CardTitle component="h2">{t.regions}</CardTitle>
                <CardBody>
                  <ul className="al-stack al-tight">
                    {regions.map(({ customer, region, phase }) => (
                      <li key={region} className="al-row"><StatusLabel status={phase} /><Link to={`/provider/customers/${encodeURIComponent(customer)}`}>{`${customer} · ${region}`}</Link></li>
                    ))}
                  </ul>
                </CardBody>
              </Card>
              <Card isCompact>
                <CardTitle component="h2">{t.hosts}</CardTitle>
                <CardBody>
                  <ul className="al-stack al-tight">
                    {counts(hosts, ({ state }) => state).map(([state, count]) => (
                      <li key={state} className="al-row"><StatusLabel status={state} /><Link to={`/provider/hosts?state=${state}`}>{count}</Link></li>
                    ))}
                  </ul>
                </CardBody>
              </Card>
              <Card isCompact>
                <CardTitle component="h2">{t.backups}</CardTitle>
                <CardBody>
                  <ul className="al-stack al-tight">
                    {counts(backups, ({ state }) => state).map(([state, count]) => (
                      <li key={state} className="al-row"><StatusLabel status={state} /><Link to="/provider/backups">{count}</Link></li>
                    ))}
                    {repositories.map((one) => (
                      <li key={one.name} className="al-row">
                        <StatusLabel status={repositoryState(one)} />
                        <Link to="/provider/repositories">{t.repository(one.name)}</Link>
                        <span className="al-quiet">{repositoryTrouble(one)}</span>
                      </li>
                    ))}
                  </ul>
                </CardBody>
              </Card>
            </div>
          </>
        )}
      </Loaded>
    </Page>
  );
}
