import { Alert, Button, Modal, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams } from 'react-router';

import { type Customer, planeQueries, type Region, regionPath } from '../../api/plane';
import { providerHostPath } from '../../api/scope';
import { Ago } from '../../parts/Ago';
import { ErrorState, Loaded } from '../../parts/ErrorState';
import { Facts } from '../../parts/Facts';
import { ConfirmDialog, FormDialog } from '../../parts/FormDialog';
import { MenuButton } from '../../parts/MenuButton';
import { Page } from '../../parts/Page';
import { ResourceTable } from '../../parts/ResourceTable';
import { StatusLabel } from '../../parts/StatusLabel';
import type { Dialogs } from '../../parts/rowActions';
import { Tabbed } from '../../parts/Tabbed';
import { useDialog, usePlaneChange } from '../../parts/useChange';
import { messageHere, remedyHere, texts } from '../../texts';
import { RebuiltPart } from '../admin/RebuiltPart';
import { RegionHosts } from '../admin/RegionHosts';
import { RolloutPart } from '../admin/RolloutPart';
import { UpgradePart } from '../operations/UpgradePart';
import { COMPONENT_COLUMNS } from './componentColumns';
import { useCustomerActions } from './customerActions';
import { CustomerSettingsPart } from './CustomerSettingsPart';
import { MoveUnderWay, nodeOf } from './moveActions';
import { limitFields, limitsOf } from './regionFields';
import { Credentials } from './Secret';
import { useUpgradeActions } from './upgradeActions';

const t = texts.customers;
const r = texts.regions.columns;
const TABS = Object.keys(t.tabs) as (keyof typeof t.tabs)[];

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
  const actions = useCustomerActions(open, close).filter(({ when }) => when?.(customer) !== false);
  const { tab: given } = useParams();
  const navigate = useNavigate();
  const tab = TABS.find((one) => one === given) ?? 'overview';
  return (
    <Page
      title={customer.display_name}
      above={{ title: t.title, to: '/provider/customers' }}
      badge={<StatusLabel status={customer.state} />}
      actions={<MenuButton label={texts.actions.actions} title={texts.actions.actions} primary entries={actions.map((one) => ({ ...one, run: () => one.run([customer]) }))} />}
    >
      <Tabbed label={t.title} titles={t.tabs} current={tab} choose={(one) => void navigate(`/provider/customers/${encodeURIComponent(customer.name)}/${one}`, { replace: true })}>
        {tab === 'overview' && (
          <>
            <Facts facts={[[t.columns.name, customer.name], [r.node, nodeOf(customer)], [t.columns.created, <Ago key="at" at={customer.created} />]]} />
            <MoveUnderWay customer={customer.name} />
            {customer.regions.map((region) => <RegionPart key={region.name} region={region} open={open} close={close} />)}
          </>
        )}
        {tab === 'hosts' && customer.regions.map(({ name }) => (
          <section key={name} className="al-stack" aria-label={name}>
            <h2 className="pf-v6-c-title pf-m-lg">{name}</h2>
            <RegionHosts customer={customer.name} region={name} link={providerHostPath} />
          </section>
        ))}
        {tab === 'settings' && <CustomerSettingsPart customer={customer.name} />}
        {tab === 'upgrade' && (
          <>
            <Upgrades customer={customer.name} open={open} close={close} />
            {customer.regions.map(({ name }) => <RolloutPart key={name} customer={customer.name} region={name} />)}
          </>
        )}
      </Tabbed>
      {dialog}
    </Page>
  );
}

/** What there is to do about the customer's release as it stands, and how that goes. */
function Upgrades({ customer, open, close }: { customer: string } & Dialogs) {
  const actions = useUpgradeActions({ open, close });
  return (
    <UpgradePart
      customer={customer}
      base="/provider/operations"
      actions={(upgrade) => actions.filter(({ when }) => when?.(upgrade) !== false).map(({ key, title, danger, run }) => (
        <Button key={key} variant={danger === true ? 'secondary' : 'primary'} isDanger={danger} onClick={() => run([upgrade])}>{title}</Button>
      ))}
    />
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
      fields={limitFields(region.limits)}
      send={(values) => change('PATCH', path, { limits: limitsOf(values) }, 'region', 'customer')}
    />,
  );
  const rebuild = () => open(
    <ConfirmDialog title={texts.confirm.ask(t.rebuild, region.name)} action={t.rebuild} typed={region.name} close={close} send={() => change('POST', `${path}/rebuild`, undefined, 'region')}>
      {t.rebuildWill}
    </ConfirmDialog>,
  );
  const rebuilt = () => open(
    <Modal isOpen variant="large" onClose={close} aria-labelledby="rebuilt-title">
      <ModalHeader title={`${texts.sync.tabs.rebuilt}: ${region.name}`} labelId="rebuilt-title" />
      <ModalBody><RebuiltPart customer={region.customer} region={region.name} /></ModalBody>
      <ModalFooter><Button onClick={close}>{texts.actions.close}</Button></ModalFooter>
    </Modal>,
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
              { key: 'credentials', title: t.credentials, run: () => open(<Credentials customer={region.customer} region={region.name} close={close} />) },
              { key: 'rebuild', title: t.rebuild, danger: true, run: rebuild },
              { key: 'rebuilt', title: texts.sync.tabs.rebuilt, run: rebuilt },
              { key: 'delete', title: t.deleteRegion, danger: true, disabled: region.identity, run: remove },
            ]}
          />
        </div>
      </div>
      {region.error !== null && <Alert isInline variant="danger" title={messageHere(region.error.message)}>{remedyHere(region.error.remedy)}</Alert>}
      <Facts facts={[
        [r.release, region.release],
        [r.services, Object.entries(region.services).filter(([, on]) => on).map(([name]) => name).join(', ')],
        [r.endpoint, <ul key="endpoints">{Object.values(region.endpoints).map((url) => <li key={url}>{url}</li>)}</ul>],
      ]} />
      <ResourceTable id="components" query={status} columns={COMPONENT_COLUMNS} rowKey={({ name }) => name} empty={texts.components.empty} />
    </section>
  );
}
