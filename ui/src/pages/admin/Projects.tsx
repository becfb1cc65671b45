import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';

import { queries } from '../../api/queries';
import { useScope } from '../../api/scope';
import type { Project } from '../../api/types';
import { FormDialog } from '../../parts/FormDialog';
import { ListPage } from '../../parts/ListPage';
import type { Column } from '../../parts/ResourceTable';
import { StatusLabel } from '../../parts/StatusLabel';
import { deleteAction } from '../../parts/rowActions';
import { useChange, useDialog } from '../../parts/useChange';
import { texts } from '../../texts';

const t = texts.projects;
const state = ({ enabled }: { enabled: boolean }) => (enabled ? 'enabled' : 'disabled');

/** The customer's projects, and who has which role in them. */
export default function Projects() {
  const scope = useScope();
  const query = useQuery(queries.projects(scope));
  const users = useQuery(queries.users(scope));
  const roles = useQuery(queries.roles(scope));
  const assignments = useQuery(queries.assignments(scope));
  const change = useChange();
  const { dialog, open, close } = useDialog();
  const columns = useMemo((): Column<Project>[] => {
    const members = new Map<string, string[]>();
    for (const { scope: { project }, user, role } of assignments.data ?? []) {
      if (project !== undefined && user !== undefined) {
        members.set(project.id, [...(members.get(project.id) ?? []), `${user.name ?? user.id} (${role.name ?? role.id})`]);
      }
    }
    return [
      { key: 'name', title: t.columns.name, value: ({ name }) => name },
      { key: 'state', title: t.columns.state, value: state, render: (project) => <StatusLabel status={state(project)} />, narrow: true },
      { key: 'members', title: t.columns.members, value: ({ id }) => (members.get(id) ?? []).join(', ') },
      { key: 'description', title: t.columns.description, value: ({ description }) => description },
      { key: 'id', title: t.columns.id, value: ({ id }) => id, hidden: true },
    ];
  }, [assignments.data]);
  const grants = (project: Project) => (assignments.data ?? []).flatMap(({ scope: at, user, role }) =>
    at.project?.id === project.id && user !== undefined ? [{ value: `${user.id}/${role.id}`, title: `${role.name ?? role.id} · ${user.name ?? user.id}` }] : []);
  return (
    <ListPage
      id="projects"
      title={t.title}
      query={query}
      columns={columns}
      rowKey={({ id }) => id}
      empty={t.empty}
      create={{
        title: t.create,
        run: () => open(
          <FormDialog
            title={t.create}
            action={texts.actions.create}
            close={close}
            fields={[{ name: 'name', title: t.columns.name, required: true }, { name: 'description', title: t.columns.description }]}
            send={(values) => change({ title: t.create, subject: values.name ?? '' }, 'identity', 'POST', '/v3/projects', { project: values }, 'project')}
          />,
        ),
      }}
      rowActions={() => [
        {
          key: 'grant', title: t.members,
          run: ([project]) => project !== undefined && open(
            <FormDialog
              title={`${t.members}: ${project.name}`}
              action={t.members}
              close={close}
              fields={[
                { name: 'user', title: t.user, kind: 'select', required: true, choices: (users.data ?? []).map(({ id, name }) => ({ value: id, title: name })) },
                { name: 'role', title: t.role, kind: 'select', required: true, initial: roles.data?.find(({ name }) => name === 'member')?.id, choices: (roles.data ?? []).map(({ id, name }) => ({ value: id, title: name })) },
              ]}
              send={({ user = '', role = '' }) => change({ title: t.members, subject: project.name }, 'identity', 'PUT', `/v3/projects/${project.id}/users/${user}/roles/${role}`, undefined, 'role')}
            />,
          ),
        },
        {
          key: 'revoke', title: t.revoke, danger: true, when: (project) => grants(project).length > 0,
          run: ([project]) => project !== undefined && open(
            <FormDialog
              danger
              title={`${t.revoke}: ${project.name}`}
              action={t.revoke}
              close={close}
              fields={[{ name: 'grant', title: t.grant, kind: 'select', required: true, choices: grants(project) }]}
              send={({ grant = '' }) => {
                const [user = '', role = ''] = grant.split('/');
                return change({ title: t.revoke, subject: project.name }, 'identity', 'DELETE', `/v3/projects/${project.id}/users/${user}/roles/${role}`, undefined, 'role');
              }}
            />,
          ),
        },
        {
          key: 'edit', title: t.edit,
          run: ([project]) => project !== undefined && open(
            <FormDialog
              title={t.edit}
              action={texts.actions.save}
              close={close}
              fields={[
                { name: 'name', title: t.columns.name, initial: project.name, required: true },
                { name: 'description', title: t.columns.description, initial: project.description },
                { name: 'enabled', title: t.enabled, kind: 'tick', initial: project.enabled ? 'true' : '' },
              ]}
              send={({ enabled, ...rest }) => change({ title: t.edit, subject: project.name }, 'identity', 'PATCH', `/v3/projects/${project.id}`,
                { project: { ...rest, enabled: enabled === 'true' } }, 'project')}
            />,
          ),
        },
        deleteAction<Project>({ open, close }, {
          called: (project) => project.name, will: t.deleteWill, when: ({ id }) => id !== scope.project, typed: (project) => project.name,
          send: (project) => change({ title: texts.actions.delete, subject: project.name }, 'identity', 'DELETE', `/v3/projects/${project.id}`, undefined, 'project', 'role'),
        }),
      ]}
      dialog={dialog}
    />
  );
}
