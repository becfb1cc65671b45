import { Button, Modal, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { useState } from 'react';

import { plane, queryString } from '../../api/client';
import { customerPath } from '../../api/plane';
import { CodeBox } from '../../parts/CodeBox';
import { ErrorNote } from '../../parts/ErrorState';
import { texts } from '../../texts';

/** The login of a customer's administrator; it names the customer's first region, or another. */
export function Credentials({ customer, region, close }: { customer: string; region?: string; close: () => void }) {
  const { credentials: title, credentialsWill: will } = texts.customers;
  const ask = async () => {
    const told = await plane<Record<string, string>>(`${customerPath(customer)}/credentials${queryString({ region })}`);
    return Object.entries(told).filter(([name]) => name !== 'cacert').map(([name, value]) => `OS_${name.toUpperCase()}=${value}`).join('\n');
  };
  return <Secret title={title} of={region ?? customer} will={will} ask={ask} close={close} />;
}

/** What encrypts a repository. */
export function RepositoryPassword({ repository, close }: { repository: string; close: () => void }) {
  const { show: title, showWill: will } = texts.repositories;
  const ask = async () => (await plane<{ password: string }>(`/repositories/${encodeURIComponent(repository)}/password`)).password;
  return <Secret title={title} of={repository} will={will} ask={ask} close={close} />;
}

/** Something that is shown only once somebody has been told what that means. */
function Secret({ title, of, will, ask, close }: { title: string; of: string; will: string; ask: () => Promise<string>; close: () => void }) {
  const [told, setTold] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  return (
    <Modal isOpen variant="small" onClose={close} aria-labelledby="secret-title">
      <ModalHeader title={`${title}: ${of}`} labelId="secret-title" />
      <ModalBody>
        <p>{will}</p>
        {told !== null && <CodeBox label={title} code={told} />}
        <ErrorNote error={error} />
      </ModalBody>
      <ModalFooter>
        {told === null && <Button onClick={() => void ask().then(setTold, setError)}>{texts.actions.show}</Button>}
        <Button variant="link" onClick={close}>{texts.actions.close}</Button>
      </ModalFooter>
    </Modal>
  );
}
