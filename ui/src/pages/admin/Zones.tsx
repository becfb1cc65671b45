import { useQuery } from '@tanstack/react-query';

import { queries } from '../../api/queries';
import { useScope } from '../../api/scope';
import type { AvailabilityZone } from '../../api/types';
import { ListPage } from '../../parts/ListPage';
import type { Column } from '../../parts/ResourceTable';
import { StatusLabel } from '../../parts/StatusLabel';
import { texts } from '../../texts';

const t = texts.zones;
const state = ({ zoneState }: AvailabilityZone) => (zoneState.available ? t.available : t.unavailable);
const COLUMNS: Column<AvailabilityZone>[] = [
  { key: 'name', title: t.columns.name, value: ({ zoneName }) => zoneName },
  { key: 'state', title: t.columns.state, value: state, render: (zone) => <StatusLabel status={state(zone)} />, narrow: true },
  { key: 'hosts', title: t.columns.hosts, value: ({ hosts }) => Object.keys(hosts ?? {}).join(', ') },
];

/** The availability zones and their hosts. */
export default function Zones() {
  const query = useQuery(queries.zonesWithHosts(useScope()));
  return <ListPage id="zones" title={t.title} lead={t.lead} query={query} columns={COLUMNS} rowKey={({ zoneName }) => zoneName} empty={t.empty} />;
}
