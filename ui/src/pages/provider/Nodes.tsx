import { Alert, Button, Modal, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { type NodeInvitation, type Node, planeQueries } from '../../api/plane';
import { nodeMood } from '../../model/moods';
import { Ago } from '../../parts/Ago';
import { CodeBox } from '../../parts/CodeBox';
import { FormDialog } from '../../parts/FormDialog';
import { ListPage } from '../../parts/ListPage';
import type { Column } from '../../parts/ResourceTable';
import { formAction } from '../../parts/rowActions';
import { StatusLabel } from '../../parts/StatusLabel';
import { useDialog, usePlaneChange } from '../../parts/useChange';
import { texts } from '../../texts';

const t = texts.nodes;
const address = ({ own, address: told }: Node) => (own ? t.own : told);
const COLUMNS: Column<Node>[] = [
  { key: 'name', title: t.columns.name, value: ({ name }) => name },
  { key: 'state', title: t.columns.state, value: ({ state }) => state, render: ({ state }) => <StatusLabel status={state} mood={nodeMood(state)} />, narrow: true },
  { key: 'controllers', title: t.columns.controllers, value: ({ controllers }) => controllers, narrow: true },
  { key: 'address', title: t.columns.address, value: address },
  { key: 'detail', title: t.columns.detail, value: ({ detail }) => detail },
  { key: 'seen', title: t.columns.seen, value: ({ seen }) => seen ?? '', render: ({ seen }) => <Ago at={seen} /> },
];

/** How often nodes are asked how they are, in milliseconds: that one is silent is no event. */
const AGAIN = 15_000;

/** The provider's machines: the plane's own, and those that it is connected with. */
export default function Nodes() {
  const query = useQuery({ ...planeQueries.nodes(), refetchInterval: AGAIN });
  const change = usePlaneChange();
  const { dialog, open, close } = useDialog();
  const [given, setGiven] = useState<NodeInvitation | null>(null);
  const invite = () => open(
    <FormDialog
      title={t.invite}
      action={t.invite}
      lead={t.inviteLead}
      close={close}
      fields={[
        { name: 'name', title: t.fields.other, required: true, help: t.fields.otherHelp },
        { name: 'address', title: t.fields.ownAddress, help: t.fields.ownAddressHelp },
      ]}
      send={async ({ name, address: here }) => {
        setGiven(await change<NodeInvitation>('POST', '/nodes/invitations', { name, address: here === '' ? null : here }));
      }}
    />,
  );
  const add = () => open(
    <FormDialog
      title={t.add}
      action={texts.actions.add}
      lead={t.addLead}
      close={close}
      fields={[
        { name: 'invitation', title: t.fields.invitation, kind: 'area', required: true, help: t.fields.invitationHelp },
        { name: 'address', title: t.fields.address, help: t.fields.addressHelp },
        { name: 'own', title: t.fields.ownAddress, help: t.fields.ownAddressHelp },
      ]}
      send={({ invitation = '', address: there, own }) => change('POST', '/nodes', { invitation: invitation.trim(), address: there === '' ? null : there, own_address: own === '' ? null : own }, 'node', 'region')}
    />,
  );
  return (
    <ListPage
      id="nodes"
      title={t.title}
      lead={t.lead}
      actions={<Button variant="secondary" onClick={invite}>{t.invite}</Button>}
      query={query}
      columns={COLUMNS}
      rowKey={({ name }) => name}
      empty={t.empty}
      create={{ title: t.add, run: add }}
      rowActions={() => [
        formAction<Node>({ open, close }, {
          key: 'remove', title: t.remove, danger: true, called: ({ name }) => name, when: ({ own }) => !own, lead: t.removeWill,
          fields: ({ state }) => (state === 'down' ? [{ name: 'lost', title: t.lost, kind: 'tick', help: t.lostHelp }] : []),
          send: ({ name }, { lost }) => change('DELETE', `/nodes/${encodeURIComponent(name)}${lost === 'true' ? '?lost=true' : ''}`, undefined, 'node', 'region'),
        }),
      ]}
      dialog={
        <>
          {dialog}
          {given !== null && <Given invitation={given} close={() => setGiven(null)} />}
        </>
      }
    />
  );
}

/** The invitation, which is shown this once. */
function Given({ invitation: { invitation }, close }: { invitation: NodeInvitation; close: () => void }) {
  return (
    <Modal isOpen variant="medium" onClose={close} aria-labelledby="invitation-title">
      <ModalHeader title={t.invitation} labelId="invitation-title" />
      <ModalBody>
        <div className="al-stack">
          <CodeBox code={invitation} label={t.invitation} />
          <Alert isInline isPlain variant="info" title={t.invitationIs} />
        </div>
      </ModalBody>
      <ModalFooter><Button onClick={close}>{texts.actions.close}</Button></ModalFooter>
    </Modal>
  );
}
