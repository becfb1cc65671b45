import { Label } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';

import { queries } from '../api/queries';
import { pathIn, useScope } from '../api/scope';
import type { Network } from '../api/types';
import { FormDialog } from '../parts/FormDialog';
import { ListPage } from '../parts/ListPage';
import type { Column } from '../parts/ResourceTable';
import { StatusLabel } from '../parts/StatusLabel';
import { deleteAction } from '../parts/rowActions';
import { useChange, useDialog } from '../parts/useChange';
import { texts } from '../texts';
import { CreateNetwork } from './networks/CreateNetwork';

const t = texts.networks;
const kind = (network: Network) => (network['router:external'] ? t.kinds.external : network.shared ? t.kinds.shared : t.kinds.own);
const plain = (value: string) => value;
const FACETS = [{ key: 'kind', title: t.columns.kind, value: kind, text: plain }];

/** The networks that the project can use. */
export default function Networks() {
  const scope = useScope();
  const query = useQuery(queries.networks(scope));
  const subnets = useQuery(queries.subnets(scope));
  const change = useChange();
  const { dialog, open, close } = useDialog();
  const called = ({ id, name }: Network) => name || id;
  const columns = useMemo((): Column<Network>[] => [
    { key: 'name', title: t.columns.name, value: ({ id, name }) => name || id },
    { key: 'status', title: t.columns.status, value: ({ status }) => status, render: ({ status }) => <StatusLabel status={status} />, narrow: true },
    { key: 'subnets', title: t.columns.subnets, value: ({ id }) => (subnets.data ?? []).filter((one) => one.network_id === id).map(({ cidr }) => cidr).join(', ') },
    { key: 'kind', title: t.columns.kind, value: kind, render: (network) => <Label isCompact variant="outline">{kind(network)}</Label> },
    { key: 'mtu', title: t.columns.mtu, value: ({ mtu }) => mtu, right: true },
    {
      key: 'segment', title: t.columns.segment, hidden: true,
      value: (network) => [network['provider:network_type'], network['provider:physical_network'], network['provider:segmentation_id']].filter(Boolean).join(' '),
    },
    { key: 'id', title: t.columns.id, value: ({ id }) => id, hidden: true },
  ], [subnets.data]);
  return (
    <ListPage
      id="networks"
      title={t.title}
      query={query}
      columns={columns}
      rowKey={({ id }) => id}
      link={({ id }) => pathIn(scope, 'networks', id)}
      facets={FACETS}
      empty={t.empty}
      create={{ title: t.create, run: () => open(<CreateNetwork close={close} />) }}
      rowActions={() => [
        {
          key: 'edit', title: t.edit,
          run: ([network]) => network !== undefined && open(
            <FormDialog
              title={t.edit}
              action={texts.actions.save}
              close={close}
              fields={[{ name: 'name', title: t.fields.name, initial: network.name, required: true }]}
              send={(values) => change({ title: t.edit, subject: called(network) }, 'network', 'PUT', `/v2.0/networks/${network.id}`, { network: values }, 'network')}
            />,
          ),
        },
        deleteAction<Network>({ open, close }, {
          called, will: t.deleteWill, bulk: true,
          send: (one) => change({ title: t.delete, subject: called(one) }, 'network', 'DELETE', `/v2.0/networks/${one.id}`, undefined, 'network', 'subnet'),
        }),
      ]}
      dialog={dialog}
    />
  );
}
