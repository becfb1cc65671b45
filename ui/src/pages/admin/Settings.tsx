import { Alert, Button, Card, CardBody, CardHeader, CardTitle } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';

import { type AccessRules, type CustomerSettings, planeQueries, settingsPath } from '../../api/plane';
import { dateTime } from '../../model/format';
import { ErrorNote, Loaded } from '../../parts/ErrorState';
import { Facts } from '../../parts/Facts';
import { type Field, FormDialog, type Values } from '../../parts/FormDialog';
import { Page } from '../../parts/Page';
import { useDialog, usePlaneChange } from '../../parts/useChange';
import { texts } from '../../texts';
import { useRegion } from './useRegion';

const t = texts.settings;
const KINDS = Object.keys(t.kinds) as (keyof AccessRules)[];
const listed = (text = '') => text.split(/[\s,]+/).filter(Boolean);

/** What the customer sets by itself. */
export default function Settings() {
  const { customer } = useRegion();
  const query = useQuery(planeQueries.settings(customer));
  return <Page title={t.title} lead={t.lead}><Loaded query={query}>{(settings) => <SettingsParts customer={customer} settings={settings} bounds={settings.bounds} />}</Loaded></Page>;
}

/** What a customer's administrator sets, each thing with its form; `bounds` are those of whoever looks at it. */
export function SettingsParts({ customer, settings, bounds, children }: {
  customer: string;
  settings: CustomerSettings;
  bounds: CustomerSettings['bounds'];
  children?: ReactNode;
}) {
  const { access, window: times } = settings;
  const change = usePlaneChange();
  const { dialog, open, close } = useDialog();
  const [error, setError] = useState<unknown>(null);
  const path = settingsPath(customer);
  const ask = (title: string, fields: Field[], body: (values: Values) => unknown, lead?: string) => open(
    <FormDialog title={title} lead={lead} danger={lead !== undefined} action={texts.actions.save} fields={fields} close={close} send={(values) => change('PATCH', path, body(values), 'customer', 'region')} />,
  );
  const services = Object.assign({}, ...Object.values(settings.services)) as Record<string, boolean>;
  const switchable = Object.keys(services).filter((name) => bounds.services?.includes(name) !== false);
  const editAccess = () => ask(t.access, [
    ...KINDS.map((kind) => ({ name: kind, title: t.kinds[kind], initial: access[kind].join(', '), help: t.accessHelp })),
    { name: 'within', title: t.confirmWithin, kind: 'number', minimum: 5, initial: '120', required: true },
  ], (values) => ({ access: Object.fromEntries(KINDS.map((kind) => [kind, listed(values[kind])])), confirm_within: Number(values.within) }), t.accessWill);
  const editServices = () => ask(t.services, [{
    name: 'on', title: t.services, kind: 'many', help: t.servicesHelp, initial: switchable.filter((name) => services[name]).join(','), choices: switchable.map((name) => ({ value: name, title: name })),
  }], ({ on = '' }) => ({ services: Object.fromEntries(switchable.map((name) => [name, on.split(',').includes(name)] as const).filter(([name, now]) => now !== services[name])) }));
  const inWindow = ({ within }: Values) => within === 'true';
  const editWindow = () => ask(t.window, [
    { name: 'within', title: t.within, kind: 'tick', initial: times === null ? '' : 'true', help: t.windowHelp },
    { name: 'days', title: t.days, kind: 'many', initial: (times?.days ?? ['sat', 'sun']).join(','), choices: Object.entries(t.weekdays).map(([value, title]) => ({ value, title })), when: inWindow },
    { name: 'at', title: t.at, kind: 'time', initial: times?.at ?? '22:00', required: true, when: inWindow },
    { name: 'hours', title: t.hours, kind: 'number', minimum: bounds.window_hours, initial: String(times?.hours ?? bounds.window_hours), required: true, when: inWindow },
  ], ({ within, days = '', at, hours }) => ({ window: within === 'true' ? { days: days.split(',').filter(Boolean), at, hours: Number(hours) } : null }));
  const editLogs = () => ask(t.logs, [{ name: 'days', title: t.logDays, kind: 'number', minimum: 0, initial: String(settings.log_days), required: true }], ({ days }) => ({ log_days: Number(days) }));
  const confirm = (sure: boolean) => {
    setError(null);
    void change('POST', `${path}/confirm`, { even_if_shut_out: sure }, 'customer').catch(setError);
  };
  return (
    <div className="al-cards al-cards-wide">
      <Part title={t.access} edit={bounds.access ? editAccess : undefined}>
        {settings.confirm_until !== null && (
          <Alert
            isInline
            variant="warning"
            title={t.trial(dateTime(settings.confirm_until))}
            actionLinks={(
              <>
                <Button variant="link" isInline onClick={() => confirm(false)}>{t.confirm}</Button>
                {error !== null && <Button variant="link" isInline isDanger onClick={() => confirm(true)}>{t.confirmSure}</Button>}
              </>
            )}
          />
        )}
        <ErrorNote error={error} />
        <Facts columns={1} facts={KINDS.map((kind) => [t.kinds[kind], access[kind].join(', ') || t.everywhere] as const)} />
      </Part>
      {Object.keys(services).length > 0 && (
        <Part title={t.services} edit={switchable.length > 0 ? editServices : undefined}>
          <Facts columns={1} facts={Object.entries(services).map(([name, on]) => [name, on ? texts.actions.yes : texts.actions.no] as const)} />
        </Part>
      )}
      <Part title={t.window} edit={editWindow}>
        <p>{times === null ? t.anyTime : `${t.windowTimes(times.days.map((day) => t.weekdays[day] ?? day).join(', '), times.at, times.hours)} (${settings.window_open ? t.open : t.shut})`}</p>
      </Part>
      <Part title={t.logs} edit={editLogs}><p>{t.kept(settings.log_days)}</p></Part>
      {children}
      {dialog}
    </div>
  );
}

/** A group of settings; without `edit` the provider has reserved it. */
export function Part({ title, edit, children }: { title: string; edit: (() => void) | undefined; children: ReactNode }) {
  return (
    <Card isCompact>
      <CardHeader actions={{ actions: edit === undefined ? <span className="al-quiet">{t.refused}</span> : <Button variant="secondary" size="sm" onClick={edit}>{texts.actions.edit}</Button> }}>
        <CardTitle component="h2">{title}</CardTitle>
      </CardHeader>
      <CardBody><div className="al-stack">{children}</div></CardBody>
    </Card>
  );
}
