import { useQuery } from '@tanstack/react-query';

import { queries } from '../api/queries';
import { pathIn, useScope } from '../api/scope';
import type { Router } from '../api/types';
import { ListPage } from '../parts/ListPage';
import type { Column } from '../parts/ResourceTable';
import { StatusLabel } from '../parts/StatusLabel';
import { useDialog } from '../parts/useChange';
import { texts } from '../texts';
import { CreateRouter } from './networks/CreateRouter';
import { useRouterActions } from './networks/routerActions';

const t = texts.routers;

/** The project's routers. */
export default function Routers() {
  const scope = useScope();
  const query = useQuery(queries.routers(scope));
  const networks = useQuery(queries.networks(scope));
  const { dialog, open, close } = useDialog();
  const actions = useRouterActions(open, close);
  const columns: Column<Router>[] = [
    { key: 'name', title: t.columns.name, value: ({ id, name }) => name || id },
    { key: 'status', title: t.columns.status, value: ({ status }) => status, render: ({ status }) => <StatusLabel status={status} />, narrow: true },
    {
      key: 'external', title: t.columns.external,
      value: ({ external_gateway_info: gateway }) => networks.data?.find(({ id }) => id === gateway?.network_id)?.name ?? gateway?.network_id ?? '',
    },
    {
      key: 'address', title: t.columns.address,
      value: ({ external_gateway_info: gateway }) => gateway?.external_fixed_ips.map(({ ip_address: ip }) => ip).join(', ') ?? '',
    },
    { key: 'id', title: t.columns.id, value: ({ id }) => id, hidden: true },
  ];
  return (
    <ListPage
      id="routers"
      title={t.title}
      query={query}
      columns={columns}
      rowKey={({ id }) => id}
      link={({ id }) => pathIn(scope, 'routers', id)}
      empty={t.empty}
      create={{ title: t.create, run: () => open(<CreateRouter close={close} />) }}
      rowActions={() => actions}
      dialog={dialog}
    />
  );
}
