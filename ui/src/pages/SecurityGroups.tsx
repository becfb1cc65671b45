import { useQuery } from '@tanstack/react-query';

import { queries } from '../api/queries';
import { pathIn, useScope } from '../api/scope';
import type { SecurityGroup } from '../api/types';
import { type Field, FormDialog } from '../parts/FormDialog';
import { ListPage } from '../parts/ListPage';
import type { Column } from '../parts/ResourceTable';
import { deleteAction } from '../parts/rowActions';
import { useChange, useDialog } from '../parts/useChange';
import { texts } from '../texts';

const t = texts.securityGroups;
const COLUMNS: Column<SecurityGroup>[] = [
  { key: 'name', title: t.columns.name, value: ({ name }) => name },
  { key: 'description', title: t.columns.description, value: ({ description }) => description },
  { key: 'rules', title: t.columns.rules, value: ({ security_group_rules: rules }) => rules.length, right: true, narrow: true },
  { key: 'id', title: t.columns.id, value: ({ id }) => id, hidden: true },
];
const fields = (group?: SecurityGroup): Field[] => [
  { name: 'name', title: t.columns.name, initial: group?.name, required: true },
  { name: 'description', title: t.columns.description, initial: group?.description },
];

/** The project's security groups. */
export default function SecurityGroups() {
  const scope = useScope();
  const query = useQuery(queries.securityGroups(scope));
  const change = useChange();
  const { dialog, open, close } = useDialog();
  const create = () => open(
    <FormDialog
      title={t.create}
      action={texts.actions.create}
      close={close}
      fields={fields()}
      send={(values) => change({ title: t.create, subject: values.name ?? '' }, 'network', 'POST', '/v2.0/security-groups',
        { security_group: { ...values, project_id: scope.project } }, 'security-group')}
    />,
  );
  return (
    <ListPage
      id="security-groups"
      title={t.title}
      query={query}
      columns={COLUMNS}
      rowKey={({ id }) => id}
      link={({ id }) => pathIn(scope, 'security-groups', id)}
      empty={t.empty}
      create={{ title: t.create, run: create }}
      rowActions={() => [
        {
          key: 'edit', title: t.edit,
          run: ([group]) => group !== undefined && open(
            <FormDialog
              title={t.edit}
              action={texts.actions.save}
              close={close}
              fields={fields(group)}
              send={(values) => change({ title: t.edit, subject: group.name }, 'network', 'PUT', `/v2.0/security-groups/${group.id}`, { security_group: values }, 'security-group')}
            />,
          ),
        },
        deleteAction<SecurityGroup>({ open, close }, {
          called: ({ name }) => name, will: t.deleteWill, bulk: true, when: ({ name }) => name !== 'default',
          send: (group) => change({ title: t.delete, subject: group.name }, 'network', 'DELETE', `/v2.0/security-groups/${group.id}`, undefined, 'security-group'),
        }),
      ]}
      dialog={dialog}
    />
  );
}
