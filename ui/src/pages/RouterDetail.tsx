import { Button, Title } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useParams } from 'react-router';

import { queries } from '../api/queries';
import { pathIn, useScope } from '../api/scope';
import type { Port, Router } from '../api/types';
import { ConfirmDialog } from '../parts/FormDialog';
import { ErrorState, Loaded } from '../parts/ErrorState';
import { Copyable, Facts } from '../parts/Facts';
import { MenuButton } from '../parts/MenuButton';
import { Page } from '../parts/Page';
import { type Column, ResourceTable } from '../parts/ResourceTable';
import { StatusLabel } from '../parts/StatusLabel';
import { useChange, useDialog } from '../parts/useChange';
import { texts } from '../texts';
import { useRouterActions } from './networks/routerActions';

const t = texts.routers;

/** One router and the networks that it joins. */
export default function RouterDetail() {
  const { id = '' } = useParams();
  const query = useQuery(queries.routers(useScope()));
  return (
    <Loaded query={query}>
      {(routers) => {
        const router = routers.find((one) => one.id === id);
        return router === undefined ? <ErrorState error={new Error(texts.errors.byStatus[404])} /> : <Detail router={router} />;
      }}
    </Loaded>
  );
}

function Detail({ router }: { router: Router }) {
  const scope = useScope();
  const change = useChange();
  const { dialog, open, close } = useDialog();
  const actions = useRouterActions(open, close).filter(({ when }) => when?.(router) !== false);
  const ports = useQuery(queries.ports(scope));
  const networks = useQuery(queries.networks(scope));
  const nameOf = (id: string) => networks.data?.find((one) => one.id === id)?.name ?? id;
  const addresses = ({ fixed_ips: ips }: Port) => ips.map(({ ip_address: ip }) => ip).join(', ');
  const columns: Column<Port>[] = [
    { key: 'network', title: t.interfaceColumns.network, value: ({ network_id: id }) => nameOf(id) },
    { key: 'address', title: t.interfaceColumns.address, value: addresses, narrow: true },
    { key: 'status', title: t.interfaceColumns.status, value: ({ status }) => status, render: ({ status }) => <StatusLabel status={status} /> },
  ];
  const own = ports.data?.filter(({ device_id: of, device_owner: what }) => of === router.id && what.startsWith('network:router_interface'));
  const gateway = router.external_gateway_info;
  return (
    <Page
      title={router.name || router.id}
      above={{ title: t.title, to: pathIn(scope, 'routers') }}
      badge={<StatusLabel status={router.status} />}
      actions={<MenuButton label={texts.actions.actions} title={texts.actions.actions} entries={actions.map((one) => ({ ...one, run: () => one.run([router]) }))} />}
    >
      <Facts facts={[
        [t.columns.id, <Copyable key="id" text={router.id} />],
        [t.columns.external, gateway === null ? t.noGateway : nameOf(gateway.network_id)],
        [t.columns.address, gateway?.external_fixed_ips.map(({ ip_address: ip }) => ip).join(', ')],
        [t.columns.snat, gateway?.enable_snat === true && texts.actions.yes],
      ]} />
      <Title headingLevel="h2">{t.interfaces}</Title>
      <ResourceTable
        id="router-interfaces"
        query={{ ...ports, data: own }}
        columns={columns}
        rowKey={({ id }) => id}
        link={({ network_id: id }) => pathIn(scope, 'networks', id)}
        empty={t.noInterfaces}
        create={<Button variant="secondary" onClick={() => actions.find(({ key }) => key === 'attach')?.run([router])}>{t.attach}</Button>}
        actions={() => [{
          key: 'detach', title: t.detach, danger: true,
          run: ([port]) => port !== undefined && open(
            <ConfirmDialog
              title={texts.confirm.ask(t.detach, addresses(port))}
              action={t.detach}
              close={close}
              send={() => change({ title: t.detach, subject: router.name }, 'network', 'PUT', `/v2.0/routers/${router.id}/remove_router_interface`, { port_id: port.id }, 'router', 'port')}
            >
              {t.detachWill(addresses(port))}
            </ConfirmDialog>,
          ),
        }]}
      />
      {dialog}
    </Page>
  );
}
