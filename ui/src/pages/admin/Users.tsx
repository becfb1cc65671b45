import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';

import { queries } from '../../api/queries';
import { useScope } from '../../api/scope';
import { useSession } from '../../api/session';
import type { User } from '../../api/types';
import { FormDialog } from '../../parts/FormDialog';
import { ListPage } from '../../parts/ListPage';
import type { Column } from '../../parts/ResourceTable';
import { StatusLabel } from '../../parts/StatusLabel';
import { askAction, deleteAction, formAction } from '../../parts/rowActions';
import { useChange, useDialog } from '../../parts/useChange';
import { texts } from '../../texts';

const t = texts.users;
const state = ({ enabled }: User) => (enabled ? 'enabled' : 'disabled');

/** The customer's users and their roles. */
export default function Users() {
  const scope = useScope();
  const me = useSession().user.id;
  const query = useQuery(queries.users(scope));
  const projects = useQuery(queries.projects(scope));
  const roles = useQuery(queries.roles(scope));
  const assignments = useQuery(queries.assignments(scope));
  const change = useChange();
  const { dialog, open, close } = useDialog();
  const columns = useMemo((): Column<User>[] => {
    const held = new Map<string, string[]>();
    for (const { scope: { project }, user, role } of assignments.data ?? []) {
      if (user !== undefined) held.set(user.id, [...(held.get(user.id) ?? []), project === undefined ? (role.name ?? role.id) : `${project.name ?? project.id}: ${role.name ?? role.id}`]);
    }
    return [
      { key: 'name', title: t.columns.name, value: ({ name }) => name },
      { key: 'state', title: t.columns.state, value: state, render: (user) => <StatusLabel status={state(user)} />, narrow: true },
      { key: 'roles', title: t.columns.roles, value: ({ id }) => (held.get(id) ?? []).join(', ') },
      { key: 'email', title: t.columns.email, value: ({ email }) => email ?? '' },
      { key: 'id', title: t.columns.id, value: ({ id }) => id, hidden: true },
    ];
  }, [assignments.data]);
  const patch = (title: string, user: User, body: Record<string, unknown>) =>
    change({ title, subject: user.name }, 'identity', 'PATCH', `/v3/users/${user.id}`, { user: body }, 'user');
  const create = () => open(
    <FormDialog
      title={t.create}
      action={texts.actions.create}
      close={close}
      fields={[
        { name: 'name', title: t.columns.name, required: true },
        { name: 'password', title: t.password, kind: 'password', required: true },
        { name: 'email', title: t.columns.email },
        { name: 'project', title: t.project, kind: 'select', choices: [{ value: '', title: t.noProject }, ...(projects.data ?? []).map(({ id, name }) => ({ value: id, title: name }))] },
        {
          name: 'role', title: t.role, kind: 'select', when: ({ project }) => project !== '', initial: roles.data?.find(({ name }) => name === 'member')?.id,
          choices: (roles.data ?? []).map(({ id, name }) => ({ value: id, title: name })),
        },
      ]}
      send={async ({ name = '', password, email, project, role }) => {
        const body = { name, password, enabled: true, ...(email ? { email } : {}), ...(project ? { default_project_id: project } : {}) };
        const { user } = await change<{ user: User }>({ title: t.create, subject: name }, 'identity', 'POST', '/v3/users', { user: body }, 'user');
        if (project && role) await change({ title: texts.projects.members, subject: name }, 'identity', 'PUT', `/v3/projects/${project}/users/${user.id}/roles/${role}`, undefined, 'role');
      }}
    />,
  );
  return (
    <ListPage
      id="users"
      title={t.title}
      query={query}
      columns={columns}
      rowKey={({ id }) => id}
      empty={t.empty}
      create={{ title: t.create, run: create }}
      rowActions={() => [
        formAction<User>({ open, close }, {
          key: 'edit', title: t.edit, called: ({ name }) => name, action: texts.actions.save,
          fields: ({ name, email }) => [
            { name: 'name', title: t.columns.name, initial: name, required: true },
            { name: 'email', title: t.columns.email, initial: email ?? '' },
          ],
          send: (user, { name, email }) => patch(t.edit, user, { name, email }),
        }),
        {
          key: 'password', title: t.setPassword,
          run: ([user]) => user !== undefined && open(
            <FormDialog
              title={`${t.setPassword}: ${user.name}`}
              action={t.setPassword}
              close={close}
              fields={[{ name: 'password', title: t.password, kind: 'password', required: true }]}
              send={({ password }) => patch(t.setPassword, user, { password })}
            />,
          ),
        },
        { key: 'enable', title: t.enable, when: ({ enabled }) => !enabled, run: ([user]) => { if (user !== undefined) void patch(t.enable, user, { enabled: true }).catch(() => undefined); } },
        askAction<User>({ open, close }, {
          key: 'disable', title: t.disable, called: (user) => user.name, will: t.disableWill, when: ({ enabled, id }) => enabled && id !== me,
          send: (user) => patch(t.disable, user, { enabled: false }),
        }),
        deleteAction<User>({ open, close }, {
          called: (user) => user.name, will: t.deleteWill, when: ({ id }) => id !== me, typed: (user) => user.name,
          send: (user) => change({ title: texts.actions.delete, subject: user.name }, 'identity', 'DELETE', `/v3/users/${user.id}`, undefined, 'user', 'role'),
        }),
      ]}
      dialog={dialog}
    />
  );
}
