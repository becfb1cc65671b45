import { Label } from '@patternfly/react-core';

import type { Host } from '../../api/plane';
import { Ago } from '../../parts/Ago';
import type { Column } from '../../parts/ResourceTable';
import { StatusLabel } from '../../parts/StatusLabel';
import { texts } from '../../texts';

const t = texts.hosts;

/** The columns of every list of hosts. */
export const HOST_COLUMNS: Column<Host>[] = [
  { key: 'name', title: t.columns.name, value: ({ name }) => name },
  {
    key: 'state', title: t.columns.state, value: ({ state, drained }) => (drained ? `${state} ${t.drained}` : state), narrow: true,
    render: ({ state, drained }) => <span className="al-row"><StatusLabel status={state} />{drained && <Label isCompact color="orange">{t.drained}</Label>}</span>,
  },
  {
    key: 'roles', title: t.columns.roles, value: ({ roles }) => roles.join(', '),
    render: ({ roles }) => <span className="al-row">{roles.map((role) => <Label key={role} isCompact variant="outline">{t.roleNames[role] ?? role}</Label>)}</span>,
  },
  { key: 'step', title: t.columns.step, value: ({ step, reason }) => reason || step },
  { key: 'address', title: t.columns.address, value: ({ facts }) => (typeof facts.address === 'string' ? facts.address : '') },
  { key: 'heard', title: t.columns.heard, value: ({ reported }) => reported ?? '', render: ({ reported }) => <Ago at={reported} /> },
];
