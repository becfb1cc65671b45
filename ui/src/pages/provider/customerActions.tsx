import type { ReactNode } from 'react';

import { plane } from '../../api/client';
import type { BackupPolicy, Customer } from '../../api/plane';
import { ConfirmDialog, FormDialog } from '../../parts/FormDialog';
import type { RowAction } from '../../parts/ResourceTable';
import { formAction } from '../../parts/rowActions';
import { usePlaneChange } from '../../parts/useChange';
import { tell } from '../../shell/tasks';
import { texts } from '../../texts';
import { PolicyDialog } from '../admin/backupColumns';
import { useMoveAction } from './moveActions';
import { useNewRegion } from './regionFields';
import { Credentials } from './Secret';

const t = texts.customers;

/** What the provider can do to a customer. */
export function useCustomerActions(open: (dialog: ReactNode) => void, close: () => void): RowAction<Customer>[] {
  const change = usePlaneChange();
  const newRegion = useNewRegion();
  const move = useMoveAction({ open, close });
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
          fields={[{ name: 'region', title: t.fields.region, required: true, initial: `${customer.name}-${customer.regions.length + 1}` }, ...newRegion.fields]}
          send={(values) => change('POST', `${path(customer)}/regions`, newRegion.body(values), 'customer', 'region')}
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
    move,
    { key: 'credentials', title: t.credentials, run: ([customer]) => customer !== undefined && open(<Credentials customer={customer.name} close={close} />) },
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
