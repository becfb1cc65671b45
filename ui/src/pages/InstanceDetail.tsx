import { Alert, Label } from '@patternfly/react-core';
import LockIcon from '@patternfly/react-icons/dist/esm/icons/lock-icon';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { useNavigate, useParams } from 'react-router';

import { queries } from '../api/queries';
import { pathIn, useScope } from '../api/scope';
import { useSession } from '../api/session';
import type { Server } from '../api/types';
import { type ActionGroup, actionsFor, groupsFor, type InstanceAction, PLAIN_BODIES, RULES } from '../model/instanceActions';
import { Loaded } from '../parts/ErrorState';
import { MenuButton } from '../parts/MenuButton';
import { Page } from '../parts/Page';
import { StatusLabel } from '../parts/StatusLabel';
import { Tabbed } from '../parts/Tabbed';
import { texts } from '../texts';
import { ActivityTab } from './instances/ActivityTab';
import { usePerform } from './instances/act';
import { ActionDialog, actsAtOnce } from './instances/ActionDialog';
import { Console } from './instances/Console';
import { DisksTab } from './instances/DisksTab';
import { LogTab } from './instances/LogTab';
import { MetadataTab } from './instances/MetadataTab';
import { NicsTab } from './instances/NicsTab';
import { OverviewTab } from './instances/OverviewTab';
import { QuickActions } from './instances/QuickActions';
import { SnapshotsTab } from './instances/SnapshotsTab';

const t = texts.instance;
type TabName = keyof typeof t.tabs;
const TABS = Object.keys(t.tabs) as TabName[];
/** Actions that have a place of their own in one of the tabs. */
const IN_TABS: ReadonlySet<InstanceAction> = new Set(['console', 'log', 'detachVolume', 'detachInterface', 'editMetadata']);

/** One instance: what it is, what it shows, what can be done to it. */
export default function InstanceDetail() {
  const scope = useScope();
  const { id = '' } = useParams();
  const query = useQuery(queries.instance(scope, id));
  return <Loaded query={query}>{(server) => <Instance server={server} />}</Loaded>;
}

function Instance({ server }: { server: Server }) {
  const scope = useScope();
  const { administrator } = useSession();
  const navigate = useNavigate();
  const { tab: given } = useParams();
  const tab = TABS.find((name) => name === given) ?? 'overview';
  const { act } = usePerform();
  const [dialog, setDialog] = useState<ReactNode>(null);
  const offered = actionsFor(server, administrator).filter((action) => !IN_TABS.has(action));
  const start = (action: InstanceAction) => {
    const body = PLAIN_BODIES[action];
    if (actsAtOnce(action) && body !== undefined) {
      void act(action, server, body).catch(() => undefined); // it told so by itself
      return;
    }
    const done = action === 'delete' ? () => void navigate(pathIn(scope, 'instances')) : undefined;
    setDialog(<ActionDialog action={action} servers={[server]} close={() => setDialog(null)} done={done} />);
  };
  const menu = (group: ActionGroup) => {
    const entries = offered.filter((action) => RULES[action].group === group).map((action) => ({
      key: action, title: texts.instances.names[action], danger: RULES[action].danger, run: () => start(action),
    }));
    return <MenuButton key={group} label={texts.instances.groups[group]} title={texts.instances.groups[group]} entries={entries} />;
  };
  return (
    <Page
      title={server.name}
      fill={tab === 'console'}
      above={{ title: texts.instances.title, to: pathIn(scope, 'instances') }}
      badge={
        <>
          <StatusLabel status={server.status} busy={server['OS-EXT-STS:task_state']} />
          {server.locked && <Label isCompact icon={<LockIcon />} title={server.locked_reason ?? undefined}>{texts.instances.locked}</Label>}
        </>
      }
      actions={
        <>
          <QuickActions offered={offered} start={start} />
          {groupsFor(administrator).map(menu)}
        </>
      }
    >
      {server.fault !== undefined && server.status === 'ERROR' && (
        <Alert isInline variant="danger" title={texts.instances.fault(server.fault.message)}>{texts.instances.faultRemedy}</Alert>
      )}
      <Tabbed
        label={server.name}
        titles={t.tabs}
        current={tab}
        choose={(name) => void navigate(pathIn(scope, 'instances', server.id, ...(name === 'overview' ? [] : [name])), { replace: true })}
      >
        {tab === 'overview' && <OverviewTab server={server} />}
        {tab === 'console' && <Console key={server.id} scope={scope} server={server} power={menu('power')} />}
        {tab === 'log' && <LogTab server={server} />}
        {tab === 'disks' && <DisksTab server={server} attach={() => start('attachVolume')} open={setDialog} />}
        {tab === 'nics' && <NicsTab server={server} attach={() => start('attachInterface')} open={setDialog} />}
        {tab === 'snapshots' && <SnapshotsTab server={server} take={offered.includes('snapshot') ? () => start('snapshot') : undefined} />}
        {tab === 'metadata' && <MetadataTab server={server} />}
        {tab === 'activity' && <ActivityTab server={server} />}
      </Tabbed>
      {dialog}
    </Page>
  );
}
