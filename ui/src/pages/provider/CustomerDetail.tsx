import { Alert } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useParams } from 'react-router';

import { type Customer, planeQueries, type Region, regionPath } from '../../api/plane';
import { Ago } from '../../parts/Ago';
import { ErrorState, Loaded } from '../../parts/ErrorState';
import { Facts } from '../../parts/Facts';
import { ConfirmDialog, FormDialog } from '../../parts/FormDialog';
import { MenuButton } from '../../parts/MenuButton';
import { Page } from '../../parts/Page';
import { ResourceTable } from '../../parts/ResourceTable';
import { StatusLabel } from '../../parts/StatusLabel';
import { useDialog, usePlaneChange } from '../../parts/useChange';
import { texts } from '../../texts';
import { COMPONENT_COLUMNS } from './componentColumns';
import { useCustomerActions } from './customerActions';

const t = texts.customers;
const r = texts.regions.columns;

/** One customer and its controllers. */
export default function CustomerDetail() {
  const { name = '' } = useParams();
  const query = useQuery(planeQueries.customers());
  return (
    <Loaded query={query}>
      {(customers) => {
        const customer = customers.find((one) => one.name === name);
        return customer === undefined ? <ErrorState error={new Error(texts.errors.byStatus[404])} /> : <Detail customer={customer} />;
      }}
    </Loaded>
  );
}

function Detail({ customer }: { customer: Customer }) {
  const { dialog, open, close } = useDialog();
  const actions = useCustomerActions(open, close);
  return (
    <Page
      title={customer.display_name}
      above={{ title: t.title, to: '/provider/customers' }}
      badge={<StatusLabel status={customer.state} />}
      actions={<MenuButton label={texts.actions.actions} title={texts.actions.actions} primary entries={actions.map((one) => ({ ...one, run: () => one.run([customer]) }))} />}
    >
      <Facts facts={[[t.columns.name, customer.name], [t.columns.created, <Ago key="at" at={customer.created} />]]} />
      {customer.regions.map((region) => <RegionPart key={region.name} region={region} open={open} close={close} />)}
      {dialog}
    </Page>
  );
}

function RegionPart({ region, open, close }: { region: Region; open: (dialog: React.ReactNode) => void; close: () => void }) {
  const change = usePlaneChange();
  const status = useQuery({
    ...planeQueries.status(),
    select: ({ regions }) => regions.find((one) => one.customer === region.customer && one.region === region.name)?.components ?? region.components,
  });
  const path = regionPath(region.customer, region.name);
  const limits = () => open(
    <FormDialog
      title={`${t.limits}: ${region.name}`}
      action={texts.actions.save}
      close={close}
      fields={[
        { name: 'memory', title: t.fields.memory, kind: 'number', minimum: 256, initial: region.limits.memory_mib === null ? '' : String(region.limits.memory_mib) },
        { name: 'cpu', title: t.fields.cpu, kind: 'text', initial: region.limits.cpu_cores === null ? '' : String(region.limits.cpu_cores) },
      ]}
      send={({ memory, cpu }) => change('PATCH', path, { limits: { memory_mib: memory ? Number(memory) : null, cpu_cores: cpu ? Number(cpu) : null } }, 'region', 'customer')}
    />,
  );
  const remove = () => open(
    <ConfirmDialog
      title={texts.confirm.ask(t.deleteRegion, region.name)}
      action={t.deleteRegion}
      typed={region.name}
      close={close}
      send={() => change('DELETE', path, undefined, 'region', 'customer')}
    >
      {t.deleteRegionWill}
    </ConfirmDialog>,
  );
  return (
    <section className="al-stack" aria-label={region.name}>
      <div className="al-heading">
        <h2 className="pf-v6-c-title pf-m-lg">{region.name}</h2>
        <StatusLabel status={region.phase} />
        <div className="al-actions">
          <MenuButton
            label={texts.actions.actions}
            title={texts.actions.actions}
            entries={[
              { key: 'limits', title: t.limits, run: limits },
              { key: 'delete', title: t.deleteRegion, danger: true, disabled: region.identity, run: remove },
            ]}
          />
        </div>
      </div>
      {region.error !== null && <Alert isInline variant="danger" title={region.error.message}>{region.error.remedy}</Alert>}
      <Facts facts={[
        [r.release, region.release],
        [r.node, region.node],
        [r.services, Object.entries(region.services).filter(([, on]) => on).map(([name]) => name).join(', ')],
        [r.endpoint, <ul key="endpoints">{Object.values(region.endpoints).map((url) => <li key={url}>{url}</li>)}</ul>],
      ]} />
      <ResourceTable id="components" query={status} columns={COMPONENT_COLUMNS} rowKey={({ name }) => name} empty={texts.components.empty} />
    </section>
  );
}
