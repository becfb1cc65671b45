import { useQuery } from '@tanstack/react-query';

import { planeQueries, type Repository } from '../../api/plane';
import { repositoryState, repositoryTrouble } from '../../model/repositories';
import { Ago } from '../../parts/Ago';
import { type Field, FormDialog, type Values } from '../../parts/FormDialog';
import { ListPage } from '../../parts/ListPage';
import type { Column } from '../../parts/ResourceTable';
import { askAction, deleteAction, formAction } from '../../parts/rowActions';
import { StatusLabel } from '../../parts/StatusLabel';
import { useDialog, usePlaneChange } from '../../parts/useChange';
import { tell } from '../../shell/tasks';
import { texts } from '../../texts';
import { RepositoryPassword } from './Secret';

const t = texts.repositories;
const COLUMNS: Column<Repository>[] = [
  { key: 'name', title: t.columns.name, value: ({ name }) => name },
  { key: 'role', title: t.columns.role, value: ({ role }) => t.roles[role] ?? role, narrow: true },
  { key: 'url', title: t.columns.url, value: ({ url }) => url },
  { key: 'state', title: t.columns.state, value: repositoryState, render: (one) => <StatusLabel status={repositoryState(one)} />, narrow: true },
  { key: 'shipped', title: t.columns.shipped, value: ({ shipped }) => shipped ?? '', render: ({ shipped }) => <Ago at={shipped} /> },
  { key: 'checked', title: t.columns.checked, value: ({ checked }) => checked ?? '', render: ({ checked }) => <Ago at={checked} /> },
  { key: 'trouble', title: t.columns.trouble, value: repositoryTrouble },
];
const bySsh = ({ url = '' }: Values) => /^(sftp|append):/.test(url);
/** What is asked of a repository's address and what opens it. */
const fieldsOf = (now: Pick<Repository, 'url' | 'role'>, passwordHelp: string): Field[] => [
  { name: 'url', title: t.columns.url, required: true, initial: now.url, help: t.urlHelp },
  { name: 'role', title: t.columns.role, kind: 'select', initial: now.role, choices: Object.entries(t.roles).map(([value, title]) => ({ value, title })) },
  { name: 'password', title: t.password, kind: 'password', help: passwordHelp },
  { name: 'aws', title: t.aws, kind: 'area', when: ({ url = '' }) => url.startsWith('s3:') },
  { name: 'ssh', title: t.ssh, kind: 'area', when: bySsh },
  { name: 'known', title: t.knownHosts, kind: 'area', when: bySsh },
];
const path = (name: string) => `/repositories/${encodeURIComponent(name)}`;

/** Where backups are kept. */
export default function Repositories() {
  const query = useQuery(planeQueries.repositories());
  const change = usePlaneChange();
  const dialogs = useDialog();
  const put = (name: string, { url, role, password, aws, ssh, known }: Values) => change('PUT', path(name), {
    url, role, ...(password ? { password } : {}), credentials: { ...(aws ? { aws } : {}), ...(ssh ? { ssh } : {}), ...(known ? { 'known-hosts': known } : {}) },
  }, 'backup');
  const add = () => dialogs.open(
    <FormDialog
      title={t.create}
      action={texts.actions.add}
      close={dialogs.close}
      fields={[{ name: 'name', title: t.columns.name, required: true }, ...fieldsOf({ url: '', role: 'secondary' }, t.passwordHelp)]}
      send={({ name = '', ...values }) => put(name, values)}
    />,
  );
  return (
    <ListPage
      id="repositories"
      title={t.title}
      lead={t.lead}
      query={query}
      link={({ name }) => `/provider/repositories/${encodeURIComponent(name)}`}
      columns={COLUMNS}
      rowKey={({ name }) => name}
      empty={t.empty}
      create={{ title: t.create, run: add }}
      rowActions={() => [
        formAction<Repository>(dialogs, {
          key: 'edit', title: t.edit, called: ({ name }) => name, action: texts.actions.save, lead: t.editLead,
          fields: (one) => fieldsOf(one, t.passwordKept), send: ({ name }, values) => put(name, values),
        }),
        { key: 'password', title: t.show, run: ([one]) => one !== undefined && dialogs.open(<RepositoryPassword repository={one.name} close={dialogs.close} />) },
        askAction<Repository>(dialogs, {
          key: 'restore-all', title: t.restoreAll, called: ({ name }) => name, will: t.restoreAllWill, typed: ({ name }) => name,
          send: ({ name }) => change('POST', '/restores/all', { repository: name }, 'customer', 'region'),
        }),
        { key: 'check', title: t.check, run: ([one]) => { if (one !== undefined) void change('POST', `${path(one.name)}/check`, undefined, 'backup').catch((error: unknown) => tell(t.check, error)); } },
        deleteAction<Repository>(dialogs, { called: ({ name }) => name, will: t.deleteWill, send: ({ name }) => change('DELETE', path(name), undefined, 'backup') }),
      ]}
      dialog={dialogs.dialog}
    />
  );
}
