import type { ReactNode } from 'react';

import { type Host, regionPath } from '../../api/plane';
import { FormDialog } from '../../parts/FormDialog';
import type { RowAction } from '../../parts/ResourceTable';
import { usePlaneChange } from '../../parts/useChange';
import { tell } from '../../shell/tasks';
import { texts } from '../../texts';

const t = texts.hosts;

/** What an administrator can do to a host. */
export function useHostActions(open: (dialog: ReactNode) => void, close: () => void, done?: () => void): RowAction<Host>[] {
  const change = usePlaneChange();
  const path = (host: Host) => `${regionPath(host.customer, host.region)}/hosts/${encodeURIComponent(host.name)}`;
  const fate = { name: 'fate', title: t.fate, kind: 'select' as const, choices: Object.entries(t.fates).map(([value, title]) => ({ value, title })) };
  return [
    {
      key: 'roles', title: t.authorise,
      run: ([host]) => host !== undefined && open(
        <FormDialog
          title={`${t.authorise}: ${host.name}`}
          action={t.authorise}
          close={close}
          fields={[
            { name: 'roles', title: t.roles, kind: 'many', initial: host.roles.join(','), choices: Object.entries(t.roleNames).map(([value, title]) => ({ value, title })) },
            { ...fate, when: ({ roles = '' }) => host.roles.includes('hypervisor') && !roles.split(',').includes('hypervisor') },
          ]}
          send={({ roles = '', fate: instances }) => change('PUT', `${path(host)}/roles`, {
            roles: roles.split(',').filter(Boolean), ...(instances ? { instances } : {}),
          }, 'host')}
        />,
      ),
    },
    {
      key: 'drain', title: t.drain, danger: true, when: ({ drained, roles }) => !drained && roles.includes('hypervisor'),
      run: ([host]) => host !== undefined && open(
        <FormDialog
          danger
          title={`${t.drain}: ${host.name}`}
          lead={t.drainWill}
          action={t.drain}
          close={close}
          fields={[{ name: 'migrate', title: t.drainMove, kind: 'tick' }]}
          send={({ migrate }) => change('POST', `${path(host)}/drain`, { migrate: migrate === 'true' }, 'host')}
        />,
      ),
    },
    {
      key: 'resume', title: t.resume, when: ({ drained }) => drained,
      run: ([host]) => { if (host !== undefined) void change('POST', `${path(host)}/resume`, undefined, 'host').catch((error: unknown) => tell(t.resume, error)); },
    },
    {
      key: 'retry', title: t.retry, when: ({ state, roles }) => roles.length > 0 && (state === 'failed' || state === 'degraded'),
      run: ([host]) => { if (host !== undefined) void change('POST', `${path(host)}/retry`, undefined, 'host').catch((error: unknown) => tell(t.retry, error)); },
    },
    {
      key: 'remove', title: t.remove, danger: true,
      run: ([host]) => host !== undefined && open(
        <FormDialog
          danger
          title={`${t.remove}: ${host.name}`}
          lead={t.removeWill}
          action={t.remove}
          close={close}
          fields={[
            ...(host.roles.includes('hypervisor') ? [fate] : []),
            { name: 'typed', title: texts.confirm.type(host.name), required: true },
          ]}
          check={({ typed }) => (!typed || typed === host.name ? undefined : texts.confirm.differs)}
          send={async ({ fate: instances }) => {
            await change('DELETE', path(host) + (instances ? `?instances=${instances}` : ''), undefined, 'host');
            done?.();
          }}
        />,
      ),
    },
  ];
}
