import { Alert, Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';

import { planeQueries, type Upgrade } from '../../api/plane';
import { Ago } from '../../parts/Ago';
import { FormDialog } from '../../parts/FormDialog';
import { ListPage } from '../../parts/ListPage';
import type { Column } from '../../parts/ResourceTable';
import { useDialog, usePlaneChange } from '../../parts/useChange';
import { tell } from '../../shell/tasks';
import { messageHere, operationText, texts } from '../../texts';
import { LEAVE, orders, releaseField, useUpgradeActions } from './upgradeActions';

const t = texts.upgrades;
const called = ({ customer }: Upgrade) => customer;
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
  const actions = useUpgradeActions({ open, close });
  const start = (customers: string[]) => open(
    <FormDialog
      title={t.wave}
      action={t.wave}
      lead={customers.length === 0 ? t.waveLead : t.waveOf(customers.join(', '))}
      close={close}
      fields={[
        releaseField(releases.data ?? []),
        { name: 'canary', title: t.canary, kind: 'select', choices: [{ value: '', title: t.noCanary }, ...(customers.length === 0 ? (query.data ?? []).map(called) : customers).map((customer) => ({ value: customer, title: customer }))] },
        { name: 'soak', title: t.soak, kind: 'number', minimum: 0, initial: '60', when: ({ canary }) => canary !== undefined && canary !== '' },
        { name: 'at_once', title: t.atOnce, kind: 'number', minimum: 1, initial: '1' },
        ...LEAVE,
      ]}
      send={(values) => change('POST', '/upgrade-wave', {
        ...orders(values), customers, canary: values.canary ?? '', soak_minutes: Number(values.soak ?? 0), at_once: Number(values.at_once),
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
          {[...last.steps.map(({ name, detail, state }) => `${name}: ${detail === '' ? state : detail}`), messageHere(last.error?.message ?? '')].filter(Boolean).join('. ')}
        </Alert>
      )}
      actions={running && <Button variant="secondary" onClick={() => void change('POST', '/upgrade-wave/stop', undefined).catch((error: unknown) => tell(t.stop, error))}>{t.stop}</Button>}
      query={query}
      columns={COLUMNS}
      rowKey={called}
      link={({ customer }) => `/provider/customers/${encodeURIComponent(customer)}/upgrade`}
      facets={FACETS}
      empty={t.empty}
      create={{ title: t.wave, run: () => start([]) }}
      rowActions={() => [...actions, { key: 'wave', title: t.inWave, bulk: true, run: (rows) => start(rows.map(called)) }]}
      dialog={dialog}
    />
  );
}
