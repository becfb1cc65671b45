import { Label } from '@patternfly/react-core';

import type { Backup, BackupPolicy } from '../../api/plane';
import { bytes } from '../../model/format';
import { Ago } from '../../parts/Ago';
import { FormDialog } from '../../parts/FormDialog';
import type { Column } from '../../parts/ResourceTable';
import { StatusLabel } from '../../parts/StatusLabel';
import { usePlaneChange } from '../../parts/useChange';
import { texts } from '../../texts';

const t = texts.backups;
const c = t.columns;
const copies = (backup: Backup) => Object.entries(backup.copies).map(([name, trouble]) => (trouble === '' ? name : `${name}: ${trouble}`));

/** The columns of every list of backups. */
export const BACKUP_COLUMNS: Column<Backup>[] = [
  { key: 'made', title: c.made, value: ({ made }) => made, render: ({ made }) => <Ago at={made} /> },
  { key: 'state', title: c.state, value: ({ state }) => state, render: ({ state }) => <StatusLabel status={state} />, narrow: true },
  { key: 'proved', title: c.proved, value: ({ proved }) => proved ?? '', render: ({ proved }) => <Ago at={proved} /> },
  { key: 'read', title: c.read, value: (one) => one.bytes_read, render: (one) => bytes(one.bytes_read), right: true },
  { key: 'added', title: c.added, value: (one) => one.bytes_added, render: (one) => bytes(one.bytes_added), right: true },
  {
    key: 'copies', title: c.copies, value: (one) => copies(one).join(', '),
    render: (one) => <span className="al-row">{copies(one).map((copy) => <Label key={copy} isCompact variant="outline">{copy}</Label>)}</span>,
  },
  { key: 'detail', title: c.detail, value: ({ detail }) => detail },
  { key: 'repository', title: c.repository, value: ({ repository, node }) => (node === null ? repository : `${repository} (${node})`), hidden: true },
  { key: 'snapshot', title: c.snapshot, value: ({ snapshot }) => snapshot, hidden: true },
  { key: 'id', title: c.id, value: ({ id }) => id, hidden: true },
];

/** When a customer is backed up, and how long backups are kept. */
export function PolicyDialog({ policy, close }: { policy: BackupPolicy; close: () => void }) {
  const change = usePlaneChange();
  return (
    <FormDialog
      title={`${t.policy}: ${policy.customer}`}
      action={texts.actions.save}
      close={close}
      fields={[
        { name: 'enabled', title: t.enabled, kind: 'tick', initial: policy.enabled ? 'true' : '' },
        { name: 'at', title: t.at, kind: 'time', initial: policy.at, required: true, when: ({ enabled }) => enabled === 'true' },
        { name: 'keep', title: t.keep, kind: 'number', minimum: 1, initial: String(policy.keep_days), required: true },
      ]}
      send={({ enabled, at, keep }) => change('PATCH', `/customers/${encodeURIComponent(policy.customer)}/backup-policy`, {
        enabled: enabled === 'true', keep_days: Number(keep), ...(at === undefined ? {} : { at }),
      }, 'backup')}
    />
  );
}
