import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useNavigate, useParams } from 'react-router';

import { regionPath, regionQueries, type SyncChange, type SyncHost, type SyncInstance, type TrailEntry } from '../../api/plane';
import { queries } from '../../api/queries';
import { adminPath, pathIn, useScope } from '../../api/scope';
import { shown } from '../../model/json';
import { Ago } from '../../parts/Ago';
import { ConfirmDialog } from '../../parts/FormDialog';
import { Page } from '../../parts/Page';
import { type Column, ResourceTable } from '../../parts/ResourceTable';
import { StatusLabel } from '../../parts/StatusLabel';
import { Tabbed } from '../../parts/Tabbed';
import { useDialog, usePlaneChange } from '../../parts/useChange';
import { texts } from '../../texts';
import { RebuiltPart } from './RebuiltPart';
import { SyncPolicy } from './SyncPolicy';
import { SyncSettingsPart } from './SyncSettingsPart';
import { useRegion } from './useRegion';

const t = texts.sync;
type TabName = keyof typeof t.tabs;
const TABS = Object.keys(t.tabs) as TabName[];

const moment = (seconds: number | null) => (seconds === null ? null : new Date(seconds * 1000).toISOString());
/** `projectName` gives the name of a project that is known by its ID. */
const instanceColumns = (projectName: (id: string) => string): Column<SyncInstance>[] => [
  { key: 'name', title: t.columns.name, value: ({ name, uuid }) => name || uuid },
  { key: 'standing', title: t.columns.standing, value: ({ standing }) => standing, render: ({ standing }) => <StatusLabel status={standing} />, narrow: true },
  { key: 'host', title: t.columns.host, value: ({ host }) => host },
  { key: 'origin', title: t.columns.origin, value: ({ origin }) => origin },
  { key: 'project', title: t.columns.project, value: ({ project }) => projectName(project ?? '') },
  { key: 'reason', title: t.columns.reason, value: ({ reason }) => reason },
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
          { key: 'accept', title: t.accept, when: ({ standing }) => standing !== 'adopted', run: ([one]) => { if (one !== undefined) ask(t.accept, t.acceptWill, 'accept', one); } },
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
  return <ResourceTable id="sync-diff" query={query} columns={DIFF} rowKey={(one) => `${one.host}/${one.object}/${one.action}/${one.field}`} empty={t.noDiff} />;
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
