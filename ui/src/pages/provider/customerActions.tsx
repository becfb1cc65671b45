import { Button, Modal, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { type ReactNode, useState } from 'react';

import { plane } from '../../api/client';
import type { BackupPolicy, Customer } from '../../api/plane';
import { CodeBox } from '../../parts/CodeBox';
import { ErrorNote } from '../../parts/ErrorState';
import { ConfirmDialog, FormDialog } from '../../parts/FormDialog';
import type { RowAction } from '../../parts/ResourceTable';
import { formAction } from '../../parts/rowActions';
import { usePlaneChange } from '../../parts/useChange';
import { tell } from '../../shell/tasks';
import { texts } from '../../texts';
import { PolicyDialog } from '../admin/backupColumns';

const t = texts.customers;

/** What the provider can do to a customer. */
export function useCustomerActions(open: (dialog: ReactNode) => void, close: () => void): RowAction<Customer>[] {
  const change = usePlaneChange();
  const path = ({ name }: Customer) => `/customers/${encodeURIComponent(name)}`;
  return [
    {
      key: 'rename', title: t.rename,
      run: ([customer]) => customer !== undefined && open(
        <FormDialog
          title={t.rename}
          action={texts.actions.save}
          close={close}
          fields={[{ name: 'display_name', title: t.fields.display, initial: customer.display_name, required: true }]}
          send={(values) => change('PATCH', path(customer), values, 'customer')}
        />,
      ),
    },
    {
      key: 'region', title: t.addRegion,
      run: ([customer]) => customer !== undefined && open(
        <FormDialog
          title={`${t.addRegion}: ${customer.display_name}`}
          action={t.addRegion}
          close={close}
          fields={[{ name: 'name', title: t.fields.region, required: true, initial: `${customer.name}-${customer.regions.length + 1}` }]}
          send={(values) => change('POST', `${path(customer)}/regions`, values, 'customer', 'region')}
        />,
      ),
    },
    formAction<Customer>({ open, close }, {
      key: 'backup', title: texts.backups.run, called: ({ display_name: name }) => name, lead: texts.backups.runLead, fields: () => [],
      send: (customer) => change('POST', `${path(customer)}/backups`, undefined, 'backup'),
    }),
    {
      key: 'policy', title: texts.backups.policy,
      run: ([customer]) => {
        if (customer === undefined) return;
        void plane<BackupPolicy>(`${path(customer)}/backup-policy`)
          .then((policy) => open(<PolicyDialog policy={policy} close={close} />))
          .catch((error: unknown) => tell(texts.backups.policy, error));
      },
    },
    { key: 'credentials', title: t.credentials, run: ([customer]) => customer !== undefined && open(<Credentials customer={customer} close={close} />) },
    {
      key: 'delete', title: t.delete, danger: true,
      run: ([customer]) => customer !== undefined && open(
        <ConfirmDialog
          title={texts.confirm.ask(t.delete, customer.display_name)}
          action={t.delete}
          typed={customer.name}
          close={close}
          send={() => change('DELETE', path(customer), undefined, 'customer', 'region')}
        >
          {t.deleteWill}
        </ConfirmDialog>,
      ),
    },
  ];
}

function Credentials({ customer, close }: { customer: Customer; close: () => void }) {
  const [login, setLogin] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const ask = async () => {
    try {
      const told = await plane<Record<string, string>>(`/customers/${encodeURIComponent(customer.name)}/credentials`);
      setLogin(Object.entries(told).filter(([name]) => name !== 'cacert').map(([name, value]) => `OS_${name.toUpperCase()}=${value}`).join('\n'));
    } catch (thrown) {
      setError(thrown);
    }
  };
  return (
    <Modal isOpen variant="small" onClose={close} aria-labelledby="login-title">
      <ModalHeader title={`${t.credentials}: ${customer.display_name}`} labelId="login-title" />
      <ModalBody>
        <p>{t.credentialsWill}</p>
        {login !== null && <CodeBox label={t.credentials} code={login} />}
        <ErrorNote error={error} />
      </ModalBody>
      <ModalFooter>
        {login === null && <Button onClick={() => void ask()}>{texts.actions.show}</Button>}
        <Button variant="link" onClick={close}>{texts.actions.close}</Button>
      </ModalFooter>
    </Modal>
  );
}
