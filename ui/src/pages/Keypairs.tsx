import { useQuery } from '@tanstack/react-query';

import { queries } from '../api/queries';
import { useScope } from '../api/scope';
import type { Keypair } from '../api/types';
import { FormDialog } from '../parts/FormDialog';
import { ListPage } from '../parts/ListPage';
import type { Column } from '../parts/ResourceTable';
import { download } from '../parts/download';
import { deleteAction } from '../parts/rowActions';
import { useChange, useDialog } from '../parts/useChange';
import { texts } from '../texts';

const t = texts.keypairs;
/** The last version of the API by which Nova makes a key pair. */
const MAKES_KEYS = 'compute 2.91';
const COLUMNS: Column<Keypair>[] = [
  { key: 'name', title: t.columns.name, value: ({ name }) => name },
  { key: 'type', title: t.columns.type, value: ({ type }) => type },
  { key: 'fingerprint', title: t.columns.fingerprint, value: ({ fingerprint }) => fingerprint, render: ({ fingerprint }) => <code>{fingerprint}</code> },
  { key: 'key', title: t.columns.key, value: (pair) => pair.public_key, hidden: true },
];

/** One's own key pairs. */
export default function Keypairs() {
  const query = useQuery(queries.keypairs(useScope()));
  const change = useChange();
  const { dialog, open, close } = useDialog();
  const take = (name: string, key: string) =>
    change({ title: t.create, subject: name }, 'compute', 'POST', '/v2.1/os-keypairs', { keypair: { name, public_key: key, type: 'ssh' } }, 'keypair');
  const make = async (name: string) => {
    const { keypair } = await change<{ keypair: { private_key: string } }>(
      { title: t.create, subject: name, version: MAKES_KEYS }, 'compute', 'POST', '/v2.1/os-keypairs', { keypair: { name, type: 'ssh' } }, 'keypair');
    download(`${name}.pem`, keypair.private_key);
  };
  const create = () => open(
    <FormDialog
      title={t.create}
      action={texts.actions.create}
      close={close}
      fields={[
        { name: 'name', title: t.columns.name, required: true },
        { name: 'origin', title: t.origin, kind: 'select', choices: Object.entries(t.origins).map(([value, title]) => ({ value, title })) },
        { name: 'key', title: t.publicKey, kind: 'area', required: true, help: t.publicHelp, when: ({ origin }) => origin === 'own' },
      ]}
      send={({ name = '', origin, key = '' }) => (origin === 'own' ? take(name, key.trim()) : make(name))}
    />,
  );
  return (
    <ListPage
      id="keypairs"
      title={t.title}
      query={query}
      columns={COLUMNS}
      rowKey={({ name }) => name}
      empty={t.empty}
      create={{ title: t.create, run: create }}
      rowActions={() => [deleteAction<Keypair>({ open, close }, {
        called: ({ name }) => name, will: t.deleteWill, bulk: true,
        send: ({ name }) => change({ title: texts.actions.delete, subject: name }, 'compute', 'DELETE', `/v2.1/os-keypairs/${encodeURIComponent(name)}`, undefined, 'keypair'),
      })]}
      dialog={dialog}
    />
  );
}
