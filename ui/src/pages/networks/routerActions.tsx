import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';

import { queries } from '../../api/queries';
import { useScope } from '../../api/scope';
import type { Router } from '../../api/types';
import { FormDialog } from '../../parts/FormDialog';
import type { RowAction } from '../../parts/ResourceTable';
import { askAction, deleteAction } from '../../parts/rowActions';
import { useChange } from '../../parts/useChange';
import { texts } from '../../texts';

const t = texts.routers;

/** What can be done to routers, in their list, on their page and in the topology. */
export function useRouterActions(open: (dialog: ReactNode) => void, close: () => void): RowAction<Router>[] {
  const scope = useScope();
  const networks = useQuery(queries.networks(scope));
  const subnets = useQuery(queries.subnets(scope));
  const change = useChange();
  const called = ({ id, name }: Router) => name || id;
  const put = (title: string, router: Router, body: Record<string, unknown>) =>
    change({ title, subject: called(router) }, 'network', 'PUT', `/v2.0/routers/${router.id}`, { router: body }, 'router', 'port');
  const nameOf = (network: string) => networks.data?.find(({ id }) => id === network)?.name ?? network;
  return [
    {
      key: 'attach', title: t.attach,
      run: ([router]) => router !== undefined && open(
        <FormDialog
          title={t.attach}
          action={texts.actions.add}
          close={close}
          fields={[{
            name: 'subnet', title: t.subnet, kind: 'select', required: true,
            choices: (subnets.data ?? []).map(({ id, cidr, network_id: network }) => ({ value: id, title: `${nameOf(network)} · ${cidr}` })),
          }]}
          send={({ subnet }) => change({ title: t.attach, subject: called(router) }, 'network', 'PUT',
            `/v2.0/routers/${router.id}/add_router_interface`, { subnet_id: subnet }, 'router', 'port')}
        />,
      ),
    },
    {
      key: 'gateway', title: t.setGateway,
      run: ([router]) => router !== undefined && open(
        <FormDialog
          title={t.setGateway}
          action={texts.actions.save}
          close={close}
          fields={[{
            name: 'network', title: t.gateway, kind: 'select', required: true, initial: router.external_gateway_info?.network_id,
            choices: (networks.data ?? []).filter((one) => one['router:external']).map(({ id, name }) => ({ value: id, title: name })),
          }]}
          send={({ network }) => put(t.setGateway, router, { external_gateway_info: { network_id: network } })}
        />,
      ),
    },
    askAction<Router>({ open, close }, {
      key: 'clear', title: t.clearGateway, called, will: t.clearWill, when: (router) => router.external_gateway_info !== null,
      send: (router) => put(t.clearGateway, router, { external_gateway_info: {} }),
    }),
    {
      key: 'edit', title: t.edit,
      run: ([router]) => router !== undefined && open(
        <FormDialog
          title={t.edit}
          action={texts.actions.save}
          close={close}
          fields={[{ name: 'name', title: t.columns.name, initial: router.name, required: true }]}
          send={({ name }) => put(t.edit, router, { name })}
        />,
      ),
    },
    deleteAction<Router>({ open, close }, {
      called, will: t.deleteWill, bulk: true,
      send: (router) => change({ title: t.delete, subject: called(router) }, 'network', 'DELETE', `/v2.0/routers/${router.id}`, undefined, 'router', 'port'),
    }),
  ];
}
