import { useQuery } from '@tanstack/react-query';

import { type CustomerSettings, planeQueries, settingsPath } from '../../api/plane';
import { Loaded } from '../../parts/ErrorState';
import { Facts } from '../../parts/Facts';
import { FormDialog } from '../../parts/FormDialog';
import { useDialog, usePlaneChange } from '../../parts/useChange';
import { texts } from '../../texts';
import { Part, SettingsParts } from '../admin/Settings';

const t = texts.bounds;
const DAY_HOURS = 24;
/** Those of the provider itself. */
const NONE: CustomerSettings['bounds'] = { services: null, access: true, keep_days: Infinity, log_days: Infinity, window_hours: 1 };

/** A customer's settings as the provider may set them, and what the customer's administrator may set. */
export function CustomerSettingsPart({ customer }: { customer: string }) {
  const query = useQuery(planeQueries.settings(customer));
  return (
    <Loaded query={query}>
      {(settings) => <SettingsParts customer={customer} settings={settings} bounds={NONE}><Bounds customer={customer} settings={settings} /></SettingsParts>}
    </Loaded>
  );
}

function Bounds({ customer, settings }: { customer: string; settings: CustomerSettings }) {
  const change = usePlaneChange();
  const { dialog, open, close } = useDialog();
  const { bounds } = settings;
  const optional = [...new Set(Object.values(settings.services).flatMap((services) => Object.keys(services)))];
  const allowed = bounds.services ?? optional;
  const edit = () => open(
    <FormDialog
      title={t.title}
      lead={t.lead}
      action={texts.actions.save}
      close={close}
      fields={[
        { name: 'services', title: t.services, kind: 'many', initial: allowed.join(','), choices: optional.map((name) => ({ value: name, title: name })) },
        { name: 'access', title: t.access, kind: 'tick', initial: bounds.access ? 'true' : '' },
        { name: 'keep', title: t.keepDays, kind: 'number', minimum: 1, initial: String(bounds.keep_days), required: true },
        { name: 'logs', title: t.logDays, kind: 'number', minimum: 1, initial: String(bounds.log_days), required: true },
        { name: 'window', title: t.windowHours, kind: 'number', minimum: 1, initial: String(bounds.window_hours), required: true },
      ]}
      check={({ window }) => (Number(window) > DAY_HOURS ? t.day : undefined)}
      send={({ services = '', access, keep, logs, window }) => {
        const chosen = services.split(',').filter(Boolean);
        return change('PUT', `${settingsPath(customer)}/bounds`, {
          services: chosen.length === optional.length ? null : chosen, access: access === 'true',
          keep_days: Number(keep), log_days: Number(logs), window_hours: Number(window),
        }, 'customer');
      }}
    />,
  );
  return (
    <Part title={t.title} edit={edit}>
      <Facts columns={1} facts={[
        [t.services, bounds.services === null ? t.all : bounds.services.join(', ') || t.none],
        [t.access, bounds.access ? texts.actions.yes : texts.actions.no],
        [t.keepDays, String(bounds.keep_days)],
        [t.logDays, String(bounds.log_days)],
        [t.windowHours, String(bounds.window_hours)],
      ]} />
      {dialog}
    </Part>
  );
}
