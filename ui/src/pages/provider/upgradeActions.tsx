import { useQuery } from '@tanstack/react-query';

import { planeQueries, type Upgrade } from '../../api/plane';
import type { Field } from '../../parts/FormDialog';
import type { RowAction } from '../../parts/ResourceTable';
import { askAction, type Dialogs, formAction } from '../../parts/rowActions';
import { usePlaneChange } from '../../parts/useChange';
import { tell } from '../../shell/tasks';
import { texts } from '../../texts';

const t = texts.upgrades;
const path = ({ customer }: Upgrade, what = '') => `/customers/${encodeURIComponent(customer)}/upgrade${what}`;

/** What an upgrade may be let do though something speaks against it. */
export const LEAVE: readonly Field[] = [
  { name: 'any_time', title: t.anyTime, kind: 'tick' },
  { name: 'despite_hosts', title: t.despiteHosts, kind: 'tick' },
];

/** The field that chooses among releases; the newest unless one is named. */
export function releaseField(releases: readonly { name: string }[]): Field {
  return {
    name: 'release', title: texts.customers.fields.release, kind: 'select',
    choices: [{ value: '', title: texts.customers.fields.newest }, ...releases.map(({ name }) => ({ value: name, title: name }))],
  };
}

/** What the fields of an upgrade order. */
export function orders({ release = '', any_time: anyTime, despite_hosts: despite }: Record<string, string>) {
  return { release: release === '' ? null : release, any_time: anyTime === 'true', despite_hosts: despite === 'true' };
}

/** What the provider can do about a customer's release, as it stands. */
export function useUpgradeActions(dialogs: Dialogs): RowAction<Upgrade>[] {
  const releases = useQuery(planeQueries.releases());
  const change = usePlaneChange();
  const called = ({ customer }: Upgrade) => customer;
  const others = new Set((releases.data ?? []).map(({ name, pins }) => `${name} ${pins}`));
  const newerThan = ({ release: serving, pins }: Upgrade) =>
    (releases.data ?? []).filter(({ name }) => name > serving || (name === serving && !others.has(`${serving} ${pins}`)));
  const idle = (one: Upgrade) => one.operation === null && newerThan(one).length > 0;
  return [
    formAction<Upgrade>(dialogs, {
      key: 'plan', title: t.plan, called, lead: t.planLead, when: idle, fields: (one) => [releaseField(newerThan(one))],
      send: (one, { release = '' }) => change('POST', path(one, '/plan'), { release: release === '' ? null : release }),
    }),
    formAction<Upgrade>(dialogs, {
      key: 'start', title: t.start, called, lead: t.lead, when: (one) => idle(one) && one.kept === '',
      fields: (one) => [releaseField(newerThan(one)), ...LEAVE], send: (one, values) => change('POST', path(one), orders(values)),
    }),
    {
      key: 'abort', title: t.abort, danger: true, when: ({ operation }) => operation?.kind === 'upgrade.start' || operation?.kind === 'upgrade.plan',
      run: ([one]) => { if (one !== undefined) void change('POST', path(one, '/abort'), undefined).catch((error: unknown) => tell(t.abort, error)); },
    },
    askAction<Upgrade>(dialogs, {
      key: 'rollback', title: t.rollback, called, when: ({ operation, kept }) => operation === null && kept !== '', will: t.rollbackWill,
      send: (one) => change('POST', path(one, '/rollback'), undefined, 'customer', 'region'),
    }),
    askAction<Upgrade>(dialogs, {
      key: 'finish', title: t.finish, called, when: ({ operation, kept }) => operation === null && kept !== '', will: t.finishWill,
      send: (one) => change('POST', path(one, '/finish'), undefined),
    }),
  ];
}
