import { Label } from '@patternfly/react-core';

import type { Region } from '../../api/plane';
import type { Column } from '../../parts/ResourceTable';
import { StatusLabel } from '../../parts/StatusLabel';
import { texts } from '../../texts';

const t = texts.regions;
const services = ({ services: all }: Region) => Object.entries(all).filter(([, on]) => on).map(([name]) => name);

/** The columns of every list of regions. */
export const REGION_COLUMNS: Column<Region>[] = [
  { key: 'name', title: t.columns.name, value: ({ name }) => name },
  { key: 'phase', title: t.columns.phase, value: ({ phase }) => phase, render: ({ phase }) => <StatusLabel status={phase} />, narrow: true },
  { key: 'release', title: t.columns.release, value: ({ release }) => release },
  {
    key: 'services', title: t.columns.services, value: (region) => services(region).join(', '),
    render: (region) => <span className="al-row">{services(region).map((name) => <Label key={name} isCompact variant="outline">{name}</Label>)}</span>,
  },
  { key: 'endpoint', title: t.columns.endpoint, value: ({ endpoints }) => Object.values(endpoints).join(' '), hidden: true },
];
