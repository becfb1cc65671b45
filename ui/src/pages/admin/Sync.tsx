import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useNavigate, useParams } from 'react-router';

import { regionPath, regionQueries, type SyncChange, type SyncHost, type SyncInstance, type TrailEntry } from '../../api/plane';
import { queries } from '../../api/queries';
import { adminPath, pathIn, useScope } from '../../api/scope';
import { moment } from '../../model/format';
import { shown } from '../../model/json';
import { Ago } from '../../parts/Ago';
import { ConfirmDialog } from '../../parts/FormDialog';
import { Page } from '../../parts/Page';
import { type Column, ResourceTable } from '../../parts/ResourceTable';
import { formAction } from '../../parts/rowActions';
import { StatusLabel } from '../../parts/StatusLabel';
import { Tabbed } from '../../parts/Tabbed';
import { useDialog, usePlaneChange } from '../../parts/useChange';
import { texts } from '../../texts';
import { RebuiltPart } from './RebuiltPart';
import { SyncNetworks } from './SyncNetworks';
import { SyncPolicy } from './SyncPolicy';
import { SyncSettingsPart } from './SyncSettingsPart';
import { useRegion } from './useRegion';

const t = texts.sync;
type TabName = keyof typeof t.tabs;
const TABS = Object.keys(t.tabs) as TabName[];

/** `projectName` gives the name of a project that is known by its ID. */
const instanceColumns = (projectName: (id: string) => string): Column<SyncInstance>[] => [
  { key: 'name', title: t.columns.name, value: ({ name, uuid }) => name || uuid },
  { key: 'standing', title: t.columns.standing, value: ({ standing }) => standing, render: ({ standing }) => <StatusLabel status={standing} />, narrow: true },
  { key: 'host', title: t.columns.host, value: ({ host }) => host },
  { key: 'origin', title: t.columns.origin, value: ({ origin }) => origin },
  { key: 'project', title: t.columns.project, value: ({ project }) => projectName(project ?? '') },
  { key: 'reason', title: t.columns.reason, value: ({ reason }) => reason },
  { key: 'stale', title: t.columns.stale, value: ({ stale_since: at }) => moment(at) ?? '', render: ({ stale_since: at }) => <Ago at={moment(at)} /> },
  { key: 'silent', title: t.columns.silent, value: ({ silent_since: at }) => moment(at) ?? '', render: ({ silent_since: at }) => <Ago at={moment(at)} /> },
  { key: 'uuid', title: t.columns.uuid, value: ({ uuid }) => uuid, hidden: true },
];
const DIFF: Column<SyncChange>[] = [
  { key: 'object', title: t.diffColumns.object, value: ({ object }) => object },
  { key: 'field', title: t.diffColumns.field, value: ({ field }) => field, narrow: true },
  { key: 'before', title: t.diffColumns.before, value: ({ before }) => shown(before), render: ({ before }) => <del>{shown(before)}</del> },
  { key: 'after', title: t.diffColumns.after, value: ({ after }) => shown(after), render: ({ after }) => <ins>{shown(after)}</ins> },
  { key: 'action', title: t.diffColumns.action, value: ({ action }) => action },
  { key: 'host', title: t.diffColumns.host, value: ({ host }) => host },
  { key: 'note', title: t.diffColumns.note, value: ({ note }) => note },
];
const TRAIL: Column<TrailEntry>[] = [
  { key: 'when', title: t.trailColumns.when, value: ({ at }) => moment(at) ?? '', render: ({ at }) => <Ago at={moment(at)} /> },
  { key: 'object', title: t.trailColumns.object, value: ({ object }) => object },
  { key: 'field', title: t.trailColumns.field, value: ({ field }) => field, narrow: true },
  { key: 'before', title: t.trailColumns.before, value: ({ before }) => shown(before), render: ({ before }) => <del>{shown(before)}</del> },
  { key: 'after', title: t.trailColumns.after, value: ({ after }) => shown(after), render: ({ after }) => <ins>{shown(after)}</ins> },
  { key: 'who', title: t.trailColumns.who, value: ({ who }) => who },
  { key: 'source', title: t.trailColumns.source, value: ({ source }) => source },
  { key: 'note', title: t.trailColumns.note, value: ({ lost, note }) => [lost ? t.lost : '', note].filter(Boolean).join('; ') },
  { key: 'host', title: t.trailColumns.host, value: ({ host }) => host, hidden: true },
];
const HOSTS: Column<SyncHost>[] = [
  { key: 'host', title: t.hostColumns.host, value: ({ host }) => host },
  { key: 'state', title: t.hostColumns.state, value: ({ state }) => state, render: ({ state }) => <StatusLabel status={state} />, narrow: true },
  { key: 'domains', title: t.hostColumns.domains, value: ({ domains }) => domains ?? 0, right: true },
  { key: 'heard', title: t.hostColumns.heard, value: ({ heard }) => moment(heard) ?? '', render: ({ heard }) => <Ago at={moment(heard)} /> },
  { key: 'reason', title: t.hostColumns.reason, value: ({ reason }) => reason },
];
/** Standings in which there is something to accept, and in which a machine can be given to a project. */
const ACCEPTABLE: ReadonlySet<string> = new Set(['stale', 'held', 'deleted', 'unmanaged']);
const ASSIGNABLE: ReadonlySet<string> = new Set(['adopted', 'deleted', 'unmanaged']);
const STANDINGS = [{ key: 'standing', title: t.columns.standing, value: ({ standing }: SyncInstance) => standing }];
const FIELDS = [{ key: 'field', title: t.trailColumns.field, value: ({ field }: TrailEntry) => field, text: (value: string) => value }];

/** What is found on the ground, what differs, what was done about it, and by which rules. */
export default function Sync() {
  const { customer, region } = useRegion();
  const { tab: given } = useParams();
  const navigate = useNavigate();
  const tab = TABS.find((name) => name === given) ?? 'instances';
  return (
    <Page title={t.title} lead={t.lead} fill>
      <Tabbed label={t.title} titles={t.tabs} current={tab} choose={(name) => void navigate(adminPath(region, 'sync', name), { replace: true })}>
        {tab === 'instances' && <Instances />}
        {tab === 'diff' && <Diff />}
        {tab === 'trail' && <Trail />}
        {tab === 'networks' && <SyncNetworks />}
        {tab === 'hosts' && <SyncHosts />}
        {tab === 'rebuilt' && <RebuiltPart customer={customer} region={region} />}
        {tab === 'settings' && <SyncSettingsPart />}
        {(tab === 'rules' || tab === 'exclusions') && <SyncPolicy key={tab} name={tab} />}
      </Tabbed>
    </Page>
  );
}

function Instances() {
  const scope = useScope();
  const { customer, region } = useRegion();
  const query = useQuery(regionQueries.syncInstances(customer, region));
  const projects = useQuery(queries.projects(scope)).data;
  const columns = useMemo(() => instanceColumns((id) => projects?.find((one) => one.id === id)?.name ?? id), [projects]);
  const change = usePlaneChange();
  const { dialog, open, close } = useDialog();
  const ask = (title: string, will: string, verb: string, one: SyncInstance) => open(
    <ConfirmDialog
      title={texts.confirm.ask(title, one.name || one.uuid)}
      action={title}
      close={close}
      send={() => change('POST', `${regionPath(customer, region)}/sync/instances/${one.uuid}/${verb}`, undefined, 'sync', 'instance')}
    >
      {will}
    </ConfirmDialog>,
  );
  return (
    <>
      <ResourceTable
        id="sync-instances"
        query={query}
        columns={columns}
        rowKey={({ uuid }) => uuid}
        link={({ uuid }) => pathIn(scope, 'instances', uuid)}
        facets={STANDINGS}
        empty={t.none}
        actions={() => [
          formAction<SyncInstance>({ open, close }, {
            key: 'assign', title: t.assign, called: ({ name, uuid }) => name || uuid, lead: t.assignLead,
            when: ({ standing }) => ASSIGNABLE.has(standing),
            fields: ({ project }) => [{
              name: 'project', title: t.columns.project, kind: 'select', required: true, initial: project ?? undefined,
              choices: (projects ?? []).map(({ id, name }) => ({ value: id, title: name })),
            }],
            send: ({ uuid }, { project }) => change('POST', `${regionPath(customer, region)}/sync/instances/${uuid}/accept`, { project }, 'sync', 'instance'),
          }),
          { key: 'accept', title: t.accept, when: ({ standing }) => ACCEPTABLE.has(standing), run: ([one]) => { if (one !== undefined) ask(t.accept, t.acceptWill, 'accept', one); } },
          { key: 'unmanage', title: t.unmanage, danger: true, when: ({ standing }) => standing === 'adopted', run: ([one]) => { if (one !== undefined) ask(t.unmanage, t.unmanageWill, 'unmanage', one); } },
        ]}
      />
      {dialog}
    </>
  );
}

function Diff() {
  const { customer, region } = useRegion();
  const query = useQuery(regionQueries.syncDiff(customer, region));
  const change = usePlaneChange();
  const { dialog, open, close } = useDialog();
  const ask = (title: string, will: string, { object, field }: SyncChange, path: string) => open(
    <ConfirmDialog
      title={texts.confirm.ask(title, `${object} ${field}`)}
      action={title}
      close={close}
      send={() => change('POST', `${regionPath(customer, region)}/sync/${path}`, undefined, 'sync', 'instance')}
    >
      {will}
    </ConfirmDialog>,
  );
  return (
    <>
      <ResourceTable
        id="sync-diff"
        query={query}
        columns={DIFF}
        rowKey={(one) => `${one.host}/${one.object}/${one.action}/${one.field}`}
        empty={t.noDiff}
        actions={() => [
          { key: 'accept', title: t.accept, when: ({ action }) => action === 'hold', run: ([one]) => { if (one !== undefined) ask(t.accept, t.acceptWill, one, `instances/${one.object}/accept`); } },
          { key: 'revert', title: t.revert, danger: true, when: ({ entry }) => typeof entry === 'number', run: ([one]) => { if (one !== undefined) ask(t.revert, t.putBackWill, one, `trail/${one.entry}/revert`); } },
        ]}
      />
      {dialog}
    </>
  );
}

function Trail() {
  const { customer, region } = useRegion();
  const query = useQuery(regionQueries.syncTrail(customer, region));
  const change = usePlaneChange();
  const { dialog, open, close } = useDialog();
  return (
    <>
      <ResourceTable
        id="sync-trail"
        query={query}
        columns={TRAIL}
        rowKey={({ id }) => String(id)}
        facets={FIELDS}
        empty={t.none}
        actions={() => [{
          key: 'revert', title: t.revert, danger: true,
          run: ([one]) => one !== undefined && open(
            <ConfirmDialog
              title={texts.confirm.ask(t.revert, `${one.object} ${one.field}`)}
              action={t.revert}
              close={close}
              send={() => change('POST', `${regionPath(customer, region)}/sync/trail/${one.id}/revert`, undefined, 'sync', 'instance')}
            >
              <p>{t.revertWill}</p>
              <p><del>{shown(one.after)}</del> <ins>{shown(one.before)}</ins></p>
            </ConfirmDialog>,
          ),
        }]}
      />
      {dialog}
    </>
  );
}

function SyncHosts() {
  const { customer, region } = useRegion();
  const query = useQuery(regionQueries.syncHosts(customer, region));
  return <ResourceTable id="sync-hosts" query={query} columns={HOSTS} rowKey={({ host }) => host} empty={t.none} />;
}
