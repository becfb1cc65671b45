import { Alert, Button, Modal, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { type Host, type HostToken, type IssuedHostToken, planeQueries, regionPath } from '../../api/plane';
import { dateTime, instant } from '../../model/format';
import { CodeBox } from '../../parts/CodeBox';
import { FormDialog } from '../../parts/FormDialog';
import { ResourceTable } from '../../parts/ResourceTable';
import { useDialog, usePlaneChange } from '../../parts/useChange';
import { texts } from '../../texts';
import { useHostActions } from './hostActions';
import { HOST_COLUMNS } from './hostColumns';

const t = texts.hosts;
const FACETS = [{ key: 'state', title: t.columns.state, value: ({ state }: Host) => state }];
const HOUR = 3600;

function stillValid({ uses_left: uses, expires }: HostToken): boolean {
  return uses > 0 && instant(expires).getTime() > Date.now();
}

/** The machines of a region, and how to attach more; `link` is the address of one. */
export function RegionHosts({ customer, region, link }: { customer: string; region: string; link: (host: Host) => string }) {
  const query = useQuery({ ...planeQueries.hosts(), select: (hosts) => hosts.filter((host) => host.region === region && host.customer === customer) });
  const tokens = useQuery({ ...planeQueries.hostTokens(customer, region), select: (all) => all.filter(stillValid) });
  const change = usePlaneChange();
  const { dialog, open, close } = useDialog();
  const [issued, setIssued] = useState<IssuedHostToken | null>(null);
  const actions = useHostActions(open, close);
  const attach = () => open(
    <FormDialog
      title={t.attach}
      action={t.make}
      close={close}
      fields={[
        {
          name: 'roles', title: t.roles, kind: 'many', initial: 'hypervisor,network', help: t.roleHelp,
          choices: Object.entries(t.roleNames).map(([value, title]) => ({ value, title })),
        },
        { name: 'uses', title: t.uses, kind: 'number', minimum: 1, initial: '1' },
        { name: 'hours', title: t.lifetime, kind: 'number', minimum: 1, initial: '1' },
      ]}
      send={async ({ roles = '', uses, hours }) => {
        const body = { roles: roles.split(',').filter(Boolean), uses: Number(uses), lifetime: Number(hours) * HOUR };
        setIssued(await change<IssuedHostToken>('POST', `${regionPath(customer, region)}/host-tokens`, body, 'host'));
      }}
    />,
  );
  return (
    <>
      <ResourceTable
        id="hosts"
        query={query}
        columns={HOST_COLUMNS}
        rowKey={({ name }) => name}
        link={link}
        facets={FACETS}
        empty={t.empty}
        actions={() => actions}
        create={<Button onClick={attach}>{t.attach}</Button>}
      />
      {(tokens.data ?? []).length > 0 && (
        <details>
          <summary>{t.tokens}</summary>
          <ul>
            {tokens.data?.map(({ id, roles, uses_left: uses, expires }) => (
              <li key={id} className="al-row">
                <span>{roles.map((role) => t.roleNames[role] ?? role).join(', ') || t.noRoles}</span>
                <span className="al-quiet">{`${t.usesLeft(uses)}, ${t.until} ${dateTime(expires)}`}</span>
                <Button variant="link" isDanger onClick={() => void change('DELETE', `${regionPath(customer, region)}/host-tokens/${id}`, undefined, 'host')}>{t.revoke}</Button>
              </li>
            ))}
          </ul>
        </details>
      )}
      {dialog}
      {issued !== null && (
        <Modal isOpen variant="medium" onClose={() => setIssued(null)} aria-labelledby="token-title">
          <ModalHeader title={t.pasteTitle} labelId="token-title" />
          <ModalBody>
            <div className="al-stack">
              <CodeBox code={issued.line} label={t.pasteTitle} />
              <Alert isInline isPlain variant="info" title={t.paste} />
            </div>
          </ModalBody>
          <ModalFooter><Button onClick={() => setIssued(null)}>{t.done}</Button></ModalFooter>
        </Modal>
      )}
    </>
  );
}
