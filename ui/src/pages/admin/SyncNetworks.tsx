import { useQuery } from '@tanstack/react-query';

import { regionPath, regionQueries, type SyncPlace } from '../../api/plane';
import { ConfirmDialog } from '../../parts/FormDialog';
import { type Column, ResourceTable } from '../../parts/ResourceTable';
import { useDialog, usePlaneChange } from '../../parts/useChange';
import { texts } from '../../texts';
import { useRegion } from './useRegion';

const t = texts.sync;
const COLUMNS: Column<SyncPlace>[] = [
  { key: 'place', title: t.placeColumns.place, value: ({ place }) => place },
  { key: 'hosts', title: t.placeColumns.hosts, value: ({ hosts }) => hosts.join(', ') },
  { key: 'network', title: t.placeColumns.network, value: ({ network }) => network ?? t.offered, narrow: true },
];

/** Bridges, VLANs and libvirt networks of hosts, and the provider networks that were made, or can be made, for them. */
export function SyncNetworks() {
  const { customer, region } = useRegion();
  const query = useQuery(regionQueries.syncPlaces(customer, region));
  const change = usePlaneChange();
  const { dialog, open, close } = useDialog();
  return (
    <>
      <ResourceTable
        id="sync-networks"
        query={query}
        columns={COLUMNS}
        rowKey={({ place }) => place}
        empty={t.none}
        actions={() => [{
          key: 'make', title: t.makeNetwork, when: ({ network }) => network === null,
          run: ([one]) => one !== undefined && open(
            <ConfirmDialog
              title={texts.confirm.ask(t.makeNetwork, one.place)}
              action={t.makeNetwork}
              close={close}
              send={() => change('POST', `${regionPath(customer, region)}/sync/networks`, { place: one.place }, 'sync', 'network')}
            >
              {t.makeNetworkWill}
            </ConfirmDialog>,
          ),
        }]}
      />
      {dialog}
    </>
  );
}
