import { Alert, Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';

import { planeQueries, type Upgrade } from '../../api/plane';
import { Ago } from '../../parts/Ago';
import { FormDialog } from '../../parts/FormDialog';
import { ListPage } from '../../parts/ListPage';
import type { Column } from '../../parts/ResourceTable';
import { askAction, formAction } from '../../parts/rowActions';
import { useDialog, usePlaneChange } from '../../parts/useChange';
import { operationText, texts } from '../../texts';

const t = texts.upgrades;
const called = ({ customer }: Upgrade) => customer;
const path = ({ customer }: Upgrade, what = '') => `/customers/${encodeURIComponent(customer)}/upgrade${what}`;
const COLUMNS: Column<Upgrade>[] = [
  { key: 'customer', title: t.columns.customer, value: called },
  { key: 'release', title: t.columns.release, value: ({ release }) => release, narrow: true },
  { key: 'kept', title: t.columns.kept, value: ({ kept }) => kept },
  { key: 'since', title: t.columns.since, value: ({ since }) => since ?? '', render: ({ since }) => (since === null ? '' : <Ago at={since} />) },
  { key: 'operation', title: t.columns.operation, value: ({ operation }) => (operation === null ? '' : `${operationText(operation.kind)}: ${operation.steps.at(-1)?.name ?? ''}`) },
];
const FACETS = [{ key: 'release', title: t.columns.release, value: ({ release }: Upgrade) => release, text: (value: string) => value }];

/** Which release serves whom, how one comes to a newer one and back, and many one after another. */
export default function Upgrades() {
  const wave = useQuery(planeQueries.wave());
  const query = useQuery({ ...planeQueries.wave(), select: ({ customers }) => customers });
  const releases = useQuery(planeQueries.releases());
  const change = usePlaneChange();
  const { dialog, open, close } = useDialog();
  const last = wave.data?.operation ?? null;
  const running = last !== null && (last.state === 'running' || last.state === 'queued');
  const known = (releases.data ?? []).map(({ name }) => ({ value: name, title: name }));
  const newerThan = (serving: string) => known.filter(({ value }) => value > serving);
  const release = (choices = known) =>
    ({ name: 'release', title: texts.customers.fields.release, kind: 'select' as const, choices: [{ value: '', title: texts.customers.fields.newest }, ...choices] });
  const idle = ({ operation, release: serving }: Upgrade) => operation === null && newerThan(serving).length > 0;
  const leave = [
    { name: 'any_time', title: t.anyTime, kind: 'tick' as const },
    { name: 'despite_hosts', title: t.despiteHosts, kind: 'tick' as const },
  ];
  const orders = ({ release: name = '', any_time: anyTime, despite_hosts: despite }: Record<string, string>) =>
    ({ release: name === '' ? null : name, any_time: anyTime === 'true', despite_hosts: despite === 'true' });
  const start = () => open(
    <FormDialog
      title={t.wave}
      action={t.wave}
      lead={t.waveLead}
      close={close}
      fields={[
        release(),
        { name: 'canary', title: t.canary, kind: 'select', choices: [{ value: '', title: t.noCanary }, ...(query.data ?? []).map(({ customer }) => ({ value: customer, title: customer }))] },
        { name: 'soak', title: t.soak, kind: 'number', minimum: 0, initial: '60', when: ({ canary }) => canary !== undefined && canary !== '' },
        { name: 'at_once', title: t.atOnce, kind: 'number', minimum: 1, initial: '1' },
        ...leave,
      ]}
      send={(values) => change('POST', '/upgrade-wave', {
        ...orders(values), canary: values.canary ?? '', soak_minutes: Number(values.soak ?? 0), at_once: Number(values.at_once),
      })}
    />,
  );
  return (
    <ListPage
      id="upgrades"
      title={t.title}
      lead={t.lead}
      badge={last !== null && (
        <Alert isInline isPlain variant={last.state === 'failed' ? 'warning' : 'info'} title={t.waves[last.state]}>
          {[...last.steps.map(({ name, detail, state }) => `${name}: ${detail === '' ? state : detail}`), last.error?.message ?? ''].filter(Boolean).join('. ')}
        </Alert>
      )}
      actions={running && <Button variant="secondary" onClick={() => void change('POST', '/upgrade-wave/stop', undefined).catch(() => undefined)}>{t.stop}</Button>}
      query={query}
      columns={COLUMNS}
      rowKey={called}
      facets={FACETS}
      empty={t.empty}
      create={{ title: t.wave, run: start }}
      rowActions={() => [
        formAction<Upgrade>({ open, close }, {
          key: 'plan', title: t.plan, called, when: idle, fields: (one) => [release(newerThan(one.release))],
          send: (one, { release: name = '' }) => change('POST', path(one, '/plan'), { release: name === '' ? null : name }),
        }),
        formAction<Upgrade>({ open, close }, {
          key: 'start', title: t.start, called, lead: t.lead, when: (one) => idle(one) && one.kept === '', fields: (one) => [release(newerThan(one.release)), ...leave],
          send: (one, values) => change('POST', path(one), orders(values)),
        }),
        {
          key: 'abort', title: t.abort, when: ({ operation }) => operation?.kind === 'upgrade.start' || operation?.kind === 'upgrade.plan',
          run: ([one]) => { if (one !== undefined) void change('POST', path(one, '/abort'), undefined).catch(() => undefined); },
        },
        askAction<Upgrade>({ open, close }, {
          key: 'rollback', title: t.rollback, called, when: ({ operation, kept }) => operation === null && kept !== '', will: t.rollbackWill,
          send: (one) => change('POST', path(one, '/rollback'), undefined, 'customer', 'region'),
        }),
        askAction<Upgrade>({ open, close }, {
          key: 'finish', title: t.finish, called, when: ({ operation, kept }) => operation === null && kept !== '', will: t.finishWill,
          send: (one) => change('POST', path(one, '/finish'), undefined),
        }),
      ]}
      dialog={dialog}
    />
  );
}
