import { Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';

import { regionPath, regionQueries, type SyncSettings } from '../../api/plane';
import { Loaded } from '../../parts/ErrorState';
import { Facts } from '../../parts/Facts';
import { FormDialog } from '../../parts/FormDialog';
import { useDialog, usePlaneChange } from '../../parts/useChange';
import { texts } from '../../texts';
import { useRegion } from './useRegion';

const t = texts.sync;
const s = t.settings;
const PERCENT = 100;

/** How careful sync is. */
export function SyncSettingsPart() {
  const { customer, region } = useRegion();
  const query = useQuery(regionQueries.syncSettings(customer, region));
  const change = usePlaneChange();
  const { dialog, open, close } = useDialog();
  const edit = (now: SyncSettings) => open(
    <FormDialog
      title={t.tabs.settings}
      lead={t.settingsLead}
      action={texts.actions.save}
      close={close}
      fields={[
        { name: 'grace', title: s.grace, kind: 'number', minimum: 0, required: true, initial: String(now.grace_seconds) },
        { name: 'share', title: s.share, kind: 'number', minimum: 0, required: true, initial: String(now.gone_share * PERCENT) },
        { name: 'least', title: s.least, kind: 'number', minimum: 1, required: true, initial: String(now.gone_least) },
        { name: 'silent', title: s.silent, kind: 'number', minimum: 1, required: true, initial: String(now.silent_seconds) },
        { name: 'trail', title: s.trail, kind: 'number', minimum: 1, required: true, initial: String(now.trail_days) },
        { name: 'networks', title: s.networks, kind: 'select', initial: now.networks, choices: Object.entries(t.networks).map(([value, title]) => ({ value, title })) },
        { name: 'shared', title: s.shared, kind: 'tick', initial: now.shared_networks ? 'true' : '' },
      ]}
      send={({ grace, share, least, silent, trail, networks, shared }) => change('PUT', `${regionPath(customer, region)}/sync/settings`, {
        grace_seconds: Number(grace), gone_share: Number(share) / PERCENT, gone_least: Number(least), silent_seconds: Number(silent),
        trail_days: Number(trail), networks, shared_networks: shared === 'true',
      }, 'sync')}
    />,
  );
  return (
    <Loaded query={query}>
      {(now) => (
        <div className="al-stack al-scrolled">
          <p className="al-quiet">{t.settingsLead}</p>
          <Facts columns={1} facts={[
            [s.grace, t.seconds(now.grace_seconds)],
            [s.share, t.share(Math.round(now.gone_share * PERCENT))],
            [s.least, String(now.gone_least)],
            [s.silent, t.seconds(now.silent_seconds)],
            [s.trail, String(now.trail_days)],
            [s.networks, t.networks[now.networks]],
            [s.shared, now.shared_networks ? texts.actions.yes : texts.actions.no],
          ]} />
          <div><Button variant="secondary" onClick={() => edit(now)}>{texts.actions.edit}</Button></div>
          {dialog}
        </div>
      )}
    </Loaded>
  );
}
