import { Alert, Card, CardBody, CardTitle, Label, Progress } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams } from 'react-router';

import { type Host, type HostHistory, type HostInstance, planeQueries, regionQueries } from '../../api/plane';
import { adminPath, pathIn, useScope } from '../../api/scope';
import { dateTime, mebibytes } from '../../model/format';
import { shown } from '../../model/json';
import { Ago } from '../../parts/Ago';
import { ErrorState, Loaded } from '../../parts/ErrorState';
import { Facts } from '../../parts/Facts';
import { MenuButton } from '../../parts/MenuButton';
import { Page } from '../../parts/Page';
import { type Column, ResourceTable } from '../../parts/ResourceTable';
import { StatusLabel } from '../../parts/StatusLabel';
import { useDialog } from '../../parts/useChange';
import { remedyHere, statusText, texts } from '../../texts';
import { useHostActions } from './hostActions';
import { useRegion } from './useRegion';

const t = texts.hosts;
const COLUMNS: Column<HostInstance>[] = [
  { key: 'name', title: texts.instances.columns.name, value: ({ name }) => name },
  { key: 'status', title: texts.instances.columns.status, value: ({ status }) => status, render: ({ status }) => <StatusLabel status={status} />, narrow: true },
  { key: 'id', title: texts.instances.columns.id, value: ({ id }) => id },
];

const HISTORY: Column<HostHistory>[] = [
  { key: 'at', title: t.historyColumns.at, value: ({ at }) => at, render: ({ at }) => <Ago at={at} /> },
  { key: 'state', title: t.columns.state, value: ({ state }) => state, render: ({ state }) => <StatusLabel status={state} />, narrow: true },
  { key: 'before', title: t.historyColumns.before, value: ({ before }) => (before === '' ? '' : statusText(before)) },
  { key: 'detail', title: t.historyColumns.detail, value: ({ detail }) => detail },
  { key: 'remedy', title: t.historyColumns.remedy, value: ({ remedy }) => remedyHere(remedy) ?? '' },
];

interface Ways {
  /** The address of the list that the host is in. */
  list: string;
  /** The address of an instance, for those who may open it. */
  instance?: (id: string) => string;
}

/** One host of the region: what it is, what it does, what it lacks. */
export default function HostDetail() {
  const { name = '' } = useParams();
  const scope = useScope();
  const { customer, region } = useRegion();
  return <HostPage customer={customer} region={region} name={name} list={adminPath(region, 'hosts')} instance={(id) => pathIn(scope, 'instances', id)} />;
}

/** One host of any customer. */
export function HostPage({ customer, region, name, ...ways }: { customer: string; region: string; name: string } & Ways) {
  const query = useQuery(planeQueries.hosts());
  return (
    <Loaded query={query}>
      {(hosts) => {
        const host = hosts.find((one) => one.name === name && one.region === region && one.customer === customer);
        return host === undefined ? <ErrorState error={new Error(texts.errors.byStatus[404])} /> : <Detail host={host} {...ways} />;
      }}
    </Loaded>
  );
}

/** What people ask of a machine; the other facts are for programs. */
function plainFacts(facts: Record<string, unknown>): [string, string][] {
  return Object.entries(t.factNames).filter(([name]) => name in facts).map(([name, title]) => [title, factText(name, facts[name])]);
}

function factText(name: string, value: unknown): string {
  if (typeof value === 'boolean') return value ? texts.actions.yes : texts.actions.no;
  return name.endsWith('_mib') && typeof value === 'number' ? mebibytes(value) : shown(value);
}

/** The builds that run on a host, and those that shall run where they are others. */
function builds({ running, wanted }: Host['software']): string {
  return [...new Set([...Object.keys(running), ...Object.keys(wanted)])].sort().map((name) => {
    const [now, then] = [running[name] ?? '', wanted[name] ?? ''];
    return then === '' || then === now ? `${name} ${now}` : t.shallBe(name, now, then);
  }).join(', ');
}

function Detail({ host, list, instance }: { host: Host } & Ways) {
  const navigate = useNavigate();
  const { dialog, open, close } = useDialog();
  const actions = useHostActions(open, close, () => void navigate(list)).filter(({ when }) => when?.(host) !== false);
  const instances = useQuery({ ...regionQueries.hostInstances(host.customer, host.region, host.name), enabled: host.roles.includes('hypervisor') });
  const history = useQuery(regionQueries.hostHistory(host.customer, host.region, host.name));
  return (
    <Page
      title={host.name}
      above={{ title: t.title, to: list }}
      badge={<><StatusLabel status={host.state} />{host.drained && <Label isCompact color="orange">{t.drained}</Label>}</>}
      actions={<MenuButton label={texts.actions.actions} title={texts.actions.actions} primary entries={actions.map((one) => ({ ...one, run: () => one.run([host]) }))} />}
    >
      {host.reason !== '' && <Alert isInline variant={host.state === 'failed' ? 'danger' : 'warning'} title={host.reason}>{remedyHere(host.remedy)}</Alert>}
      {host.warnings.map((warning) => <Alert key={warning} isInline variant="warning" title={warning} />)}
      <div className="al-cards al-cards-wide">
        <Card isCompact>
          <CardTitle component="h2">{t.report}</CardTitle>
          <CardBody>
            <div className="al-stack">
              {host.roles.map((role) => {
                const { state, step, done, reason, remedy } = host.report[role] ?? { state: 'pending', step: '', done: null, reason: '', remedy: '' };
                return (
                  <div key={role}>
                    <div className="al-row"><strong>{t.roleNames[role] ?? role}</strong><StatusLabel status={state} /><span className="al-quiet">{step}</span></div>
                    {state === 'converging' && done !== null && <Progress size="sm" value={Math.round(done * 100)} aria-label={role} />}
                    {reason !== '' && <Alert isInline isPlain variant="warning" title={reason}>{remedyHere(remedy)}</Alert>}
                  </div>
                );
              })}
              {host.roles.length === 0 && <p className="al-quiet">{t.roleHelp}</p>}
              {Object.entries(host.lacks).filter(([, list]) => list.length > 0).map(([role, list]) => (
                <div key={role}>
                  <strong>{`${t.lacks}: ${t.roleNames[role] ?? role}`}</strong>
                  {list.map(({ reason, remedy }) => <p key={reason} className="al-quiet">{`${reason} ${remedyHere(remedy) ?? ''}`}</p>)}
                </div>
              ))}
            </div>
          </CardBody>
        </Card>
        <Card isCompact>
          <CardTitle component="h2">{t.facts}</CardTitle>
          <CardBody>
            <Facts columns={1} facts={[
              [t.release, host.software.release],
              [t.software, builds(host.software)],
              [t.columns.heard, <Ago key="heard" at={host.reported} />],
              [t.since, host.since && <Ago key="since" at={host.since} />],
              [t.attached, dateTime(host.created)],
              ...plainFacts(host.facts),
            ]} />
          </CardBody>
        </Card>
      </div>
      {host.roles.includes('hypervisor') && (
        <>
          <h2 className="pf-v6-c-title pf-m-lg">{t.instances}</h2>
          <ResourceTable
            id="host-instances"
            query={instances}
            columns={COLUMNS}
            rowKey={({ id }) => id}
            link={instance === undefined ? undefined : ({ id }) => instance(id)}
            empty={t.noInstances}
          />
        </>
      )}
      <h2 className="pf-v6-c-title pf-m-lg">{t.history}</h2>
      <ResourceTable id="host-history" query={history} columns={HISTORY} rowKey={({ id }) => String(id)} empty={t.noHistory} />
      {dialog}
    </Page>
  );
}
