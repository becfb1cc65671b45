import { useQuery } from '@tanstack/react-query';

import { planeQueries, type Repository } from '../../api/plane';
import { Ago } from '../../parts/Ago';
import { FormDialog } from '../../parts/FormDialog';
import { ListPage } from '../../parts/ListPage';
import type { Column } from '../../parts/ResourceTable';
import { deleteAction } from '../../parts/rowActions';
import { StatusLabel } from '../../parts/StatusLabel';
import { useDialog, usePlaneChange } from '../../parts/useChange';
import { tell } from '../../shell/tasks';
import { texts } from '../../texts';

const t = texts.repositories;
const COLUMNS: Column<Repository>[] = [
  { key: 'name', title: t.columns.name, value: ({ name }) => name },
  { key: 'role', title: t.columns.role, value: ({ role }) => t.roles[role] ?? role, narrow: true },
  { key: 'url', title: t.columns.url, value: ({ url }) => url },
  { key: 'state', title: t.columns.state, value: ({ late }) => (late ? 'late' : 'ok'), render: ({ late }) => <StatusLabel status={late ? 'late' : 'ok'} />, narrow: true },
  { key: 'shipped', title: t.columns.shipped, value: ({ shipped }) => shipped ?? '', render: ({ shipped }) => <Ago at={shipped} /> },
  { key: 'trouble', title: t.columns.trouble, value: ({ trouble }) => trouble },
];
const path = (name: string) => `/repositories/${encodeURIComponent(name)}`;

/** Where backups are kept. */
export default function Repositories() {
  const query = useQuery(planeQueries.repositories());
  const change = usePlaneChange();
  const dialogs = useDialog();
  const add = () => dialogs.open(
    <FormDialog
      title={t.create}
      action={texts.actions.add}
      close={dialogs.close}
      fields={[
        { name: 'name', title: t.columns.name, required: true },
        { name: 'url', title: t.columns.url, required: true, help: t.urlHelp },
        { name: 'role', title: t.columns.role, kind: 'select', initial: 'secondary', choices: Object.entries(t.roles).map(([value, title]) => ({ value, title })) },
        { name: 'password', title: t.password, kind: 'password', help: t.passwordHelp },
        { name: 'aws', title: t.aws, kind: 'area', when: ({ url = '' }) => url.startsWith('s3:') },
        { name: 'ssh', title: t.ssh, kind: 'area', when: ({ url = '' }) => url.startsWith('sftp:') },
      ]}
      send={({ name = '', url, role, password, aws, ssh }) => change('PUT', path(name), {
        url, role, ...(password ? { password } : {}), credentials: { ...(aws ? { aws } : {}), ...(ssh ? { ssh } : {}) },
      }, 'backup')}
    />,
  );
  return (
    <ListPage
      id="repositories"
      title={t.title}
      lead={t.lead}
      query={query}
      columns={COLUMNS}
      rowKey={({ name }) => name}
      empty={t.empty}
      create={{ title: t.create, run: add }}
      rowActions={() => [
        { key: 'check', title: t.check, run: ([one]) => { if (one !== undefined) void change('POST', `${path(one.name)}/check`, undefined, 'backup').catch((error: unknown) => tell(t.check, error)); } },
        deleteAction<Repository>(dialogs, { called: ({ name }) => name, will: t.deleteWill, send: ({ name }) => change('DELETE', path(name), undefined, 'backup') }),
      ]}
      dialog={dialogs.dialog}
    />
  );
}
