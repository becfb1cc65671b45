import { useQuery } from '@tanstack/react-query';

import { type Customer, planeQueries } from '../../api/plane';
import { Ago } from '../../parts/Ago';
import { FormDialog } from '../../parts/FormDialog';
import { ListPage } from '../../parts/ListPage';
import type { Column } from '../../parts/ResourceTable';
import { StatusLabel } from '../../parts/StatusLabel';
import { useDialog, usePlaneChange } from '../../parts/useChange';
import { texts } from '../../texts';
import { useCustomerActions } from './customerActions';
import { useNewRegion } from './regionFields';

const t = texts.customers;
const COLUMNS: Column<Customer>[] = [
  { key: 'name', title: t.columns.name, value: ({ name }) => name },
  { key: 'display', title: t.columns.display, value: ({ display_name: name }) => name },
  { key: 'state', title: t.columns.state, value: ({ state }) => state, render: ({ state }) => <StatusLabel status={state} />, narrow: true },
  { key: 'regions', title: t.columns.regions, value: ({ regions }) => regions.map(({ name }) => name).join(', ') },
  { key: 'created', title: t.columns.created, value: ({ created }) => created, render: ({ created }) => <Ago at={created} /> },
];

/** The provider's customers. */
export default function Customers() {
  const query = useQuery(planeQueries.customers());
  const newRegion = useNewRegion();
  const change = usePlaneChange();
  const { dialog, open, close } = useDialog();
  const actions = useCustomerActions(open, close);
  const create = () => open(
    <FormDialog
      title={t.create}
      action={texts.actions.create}
      close={close}
      fields={[
        { name: 'name', title: t.fields.name, required: true },
        { name: 'display', title: t.fields.display },
        { name: 'region', title: t.fields.firstRegion },
        ...newRegion.fields,
      ]}
      send={({ name, display, ...region }) => change('POST', '/customers', { name, display_name: display, region: newRegion.body(region) }, 'customer', 'region')}
    />,
  );
  return (
    <ListPage
      id="customers"
      title={t.title}
      query={query}
      columns={COLUMNS}
      rowKey={({ name }) => name}
      link={({ name }) => `/provider/customers/${encodeURIComponent(name)}`}
      empty={t.empty}
      rowActions={() => actions}
      create={{ title: t.create, run: create }}
      dialog={dialog}
    />
  );
}
