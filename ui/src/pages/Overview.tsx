import { Button, Card, CardBody, CardTitle, Label } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';

import { queries } from '../api/queries';
import { pathIn, type Scope, useScope } from '../api/scope';
import { useSession } from '../api/session';
import { mebibytes } from '../model/format';
import { moodOf } from '../model/moods';
import { counts } from '../model/rows';
import { Loaded } from '../parts/ErrorState';
import { Page } from '../parts/Page';
import { StatusLabel } from '../parts/StatusLabel';
import { Usage } from '../parts/Usage';
import { statusText, texts } from '../texts';

const t = texts.overview;
const ATTENTION = 8;

/** What a project has, uses, and what is wrong; every region of it. */
export default function Overview() {
  const scope = useScope();
  const { regions, projects } = useSession();
  const name = projects.find(({ id }) => id === scope.project)?.name ?? t.title;
  const first = regions.filter(({ name: region }) => region === scope.region);
  const rest = regions.filter(({ name: region }) => region !== scope.region);
  return (
    <Page
      title={name}
      actions={<Button component={(props) => <Link {...props} to={pathIn(scope, 'instances', 'create')} />}>{t.create}</Button>}
    >
      {[...first, ...rest].map(({ name: region, services }) => (
        <RegionPart key={region} scope={{ ...scope, region }} services={services} titled={regions.length > 1} />
      ))}
    </Page>
  );
}

function RegionPart({ scope, services, titled }: { scope: Scope; services: string[]; titled: boolean }) {
  const instances = useQuery(queries.instances(scope));
  const compute = useQuery(queries.computeLimits(scope));
  const volume = useQuery({ ...queries.volumeLimits(scope), enabled: services.includes('volume') });
  const network = useQuery(queries.networkQuotas(scope));
  return (
    <section className="al-cards" aria-label={t.region(scope.region)}>
      {titled && <h2 className="al-wide pf-v6-c-title pf-m-lg">{t.region(scope.region)}</h2>}
      <Card isCompact>
        <CardTitle>{t.instances}</CardTitle>
        <CardBody>
          <Loaded query={instances}>
            {(rows) => (
              <div className="al-stack">
                <div className="al-row">
                  <span className="al-big">{rows.length}</span>
                  {counts(rows, ({ status }) => status).map(([status, count]) => (
                    <Link key={status} to={`${pathIn(scope, 'instances')}?status=${status}`}>
                      <Label isCompact color={moodOf(status) === 'bad' ? 'red' : moodOf(status) === 'well' ? 'green' : 'grey'}>
                        {t.states(count, statusText(status))}
                      </Label>
                    </Link>
                  ))}
                </div>
                <Link to={pathIn(scope, 'instances')}>{t.all}</Link>
              </div>
            )}
          </Loaded>
        </CardBody>
      </Card>
      <Card isCompact>
        <CardTitle>{texts.nav.compute}</CardTitle>
        <CardBody>
          <Loaded query={compute} lines={3}>
            {({ instances: count, cores, ram }) => (
              <div className="al-stack">
                <Usage title={t.what.instances} quota={count} />
                <Usage title={t.what.cores} quota={cores} />
                <Usage title={t.what.ram} quota={ram} format={mebibytes} />
              </div>
            )}
          </Loaded>
        </CardBody>
      </Card>
      {services.includes('volume') && (
        <Card isCompact>
          <CardTitle>{texts.nav.storage}</CardTitle>
          <CardBody>
            <Loaded query={volume} lines={3}>
              {({ volumes, gigabytes, snapshots }) => (
                <div className="al-stack">
                  <Usage title={t.what.volumes} quota={volumes} />
                  <Usage title={t.what.gigabytes} quota={gigabytes} format={(size) => mebibytes(size * 1024)} />
                  <Usage title={t.what.snapshots} quota={snapshots} />
                </div>
              )}
            </Loaded>
          </CardBody>
        </Card>
      )}
      <Card isCompact>
        <CardTitle>{texts.nav.network}</CardTitle>
        <CardBody>
          <Loaded query={network} lines={3}>
            {(quotas) => (
              <div className="al-stack">
                <Usage title={t.what.network} quota={quotas.network} />
                <Usage title={t.what.router} quota={quotas.router} />
                <Usage title={t.what.floatingip} quota={quotas.floatingip} />
                <Usage title={t.what.port} quota={quotas.port} />
              </div>
            )}
          </Loaded>
        </CardBody>
      </Card>
      <Card isCompact>
        <CardTitle>{t.attention}</CardTitle>
        <CardBody>
          <Loaded query={instances} lines={2}>
            {(rows) => {
              const unwell = rows.filter(({ status }) => ['bad', 'warning'].includes(moodOf(status))).slice(0, ATTENTION);
              if (unwell.length === 0) return <p className="al-quiet">{t.allWell}</p>;
              return (
                <ul className="al-stack">
                  {unwell.map(({ id, name, status }) => (
                    <li key={id} className="al-row">
                      <StatusLabel status={status} /> <Link to={pathIn(scope, 'instances', id)}>{name}</Link>
                    </li>
                  ))}
                </ul>
              );
            }}
          </Loaded>
        </CardBody>
      </Card>
    </section>
  );
}
