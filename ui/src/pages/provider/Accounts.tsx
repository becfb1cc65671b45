import { useQuery } from '@tanstack/react-query';

import { type Account, planeQueries } from '../../api/plane';
import { useSession } from '../../api/session';
import { Ago } from '../../parts/Ago';
import { type Field, FormDialog } from '../../parts/FormDialog';
import { ListPage } from '../../parts/ListPage';
import type { Column } from '../../parts/ResourceTable';
import { askAction, deleteAction, formAction } from '../../parts/rowActions';
import { StatusLabel } from '../../parts/StatusLabel';
import { useDialog, usePlaneChange } from '../../parts/useChange';
import { tell } from '../../shell/tasks';
import { texts } from '../../texts';

const t = texts.accounts;
const called = ({ name }: Account) => name;
const state = ({ disabled }: Account) => (disabled ? 'disabled' : 'enabled');
const COLUMNS: Column<Account>[] = [
  { key: 'name', title: t.columns.name, value: called },
  { key: 'roles', title: t.columns.roles, value: ({ roles }) => roles.map((role) => t.roles[role] ?? role).join(', '), narrow: true },
  { key: 'state', title: t.columns.state, value: state, render: (one) => <StatusLabel status={state(one)} /> },
  { key: 'created', title: t.columns.created, value: ({ created }) => created, render: ({ created }) => <Ago at={created} /> },
];
const PASSWORD: Field = { name: 'password', title: t.password, kind: 'password', required: true };
const rolesField = (roles: readonly string[]): Field =>
  ({ name: 'roles', title: t.columns.roles, kind: 'many', help: t.rolesHelp, required: true, initial: roles.join(','), choices: Object.entries(t.roles).map(([value, title]) => ({ value, title })) });
const listed = (roles = '') => roles.split(',').filter(Boolean);

/** The accounts of those who run Aloft. */
export default function Accounts() {
  const query = useQuery(planeQueries.accounts());
  const me = useSession().user.name;
  const change = usePlaneChange();
  const dialogs = useDialog();
  const path = ({ name }: Account) => `/accounts/${encodeURIComponent(name)}`;
  const create = () => dialogs.open(
    <FormDialog
      title={t.create}
      action={texts.actions.create}
      close={dialogs.close}
      fields={[{ name: 'name', title: t.columns.name, required: true }, rolesField(['auditor']), PASSWORD]}
      send={({ name, roles, password }) => change('POST', '/accounts', { name, roles: listed(roles), password }, 'account')}
    />,
  );
  return (
    <ListPage
      id="accounts"
      title={t.title}
      lead={t.lead}
      query={query}
      columns={COLUMNS}
      rowKey={called}
      empty={t.empty}
      create={{ title: t.create, run: create }}
      rowActions={() => [
        formAction<Account>(dialogs, {
          key: 'roles', title: t.change, called, action: texts.actions.save, lead: t.changeWill, fields: ({ roles }) => [rolesField(roles)],
          send: (one, { roles }) => change('PATCH', path(one), { roles: listed(roles) }, 'account'),
        }),
        formAction<Account>(dialogs, {
          key: 'password', title: t.setPassword, called, lead: t.changeWill, fields: () => [PASSWORD],
          send: (one, { password }) => change('PATCH', path(one), { password }, 'account'),
        }),
        {
          key: 'enable', title: t.enable, when: ({ disabled }) => disabled,
          run: ([one]) => { if (one !== undefined) void change('PATCH', path(one), { disabled: false }, 'account').catch((error: unknown) => tell(t.enable, error)); },
        },
        askAction<Account>(dialogs, {
          key: 'disable', title: t.disable, called, will: t.disableWill, when: ({ disabled, name }) => !disabled && name !== me,
          send: (one) => change('PATCH', path(one), { disabled: true }, 'account'),
        }),
        deleteAction<Account>(dialogs, {
          called, will: t.deleteWill, when: ({ name }) => name !== me, typed: called, send: (one) => change('DELETE', path(one), undefined, 'account'),
        }),
      ]}
      dialog={dialogs.dialog}
    />
  );
}
