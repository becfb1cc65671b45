import { Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';

import { type Backup, planeQueries } from '../../api/plane';
import { ListPage } from '../../parts/ListPage';
import { useDialog, usePlaneChange } from '../../parts/useChange';
import { tell } from '../../shell/tasks';
import { texts } from '../../texts';
import { BACKUP_COLUMNS, PolicyDialog } from './backupColumns';
import { useRegion } from './useRegion';

const t = texts.backups;
const FACETS = [{ key: 'state', title: t.columns.state, value: ({ state }: Backup) => state }];

/** The customer's backups: of all its regions at once. */
export default function Backups() {
  const { customer } = useRegion();
  const query = useQuery(planeQueries.backups());
  const policy = useQuery(planeQueries.backupPolicy(customer));
  const change = usePlaneChange();
  const { dialog, open, close } = useDialog();
  const kept = policy.data;
  const run = () => void change('POST', `/customers/${encodeURIComponent(customer)}/backups`, undefined, 'backup').catch((error: unknown) => tell(t.run, error));
  return (
    <ListPage
      id="backups"
      title={t.title}
      lead={kept === undefined ? t.lead : `${t.lead} ${kept.enabled ? t.plan(kept.at, kept.keep_days) : t.noPlan}`}
      actions={<Button variant="secondary" isDisabled={kept === undefined} onClick={() => { if (kept !== undefined) open(<PolicyDialog policy={kept} close={close} />); }}>{t.policy}</Button>}
      query={query}
      columns={BACKUP_COLUMNS}
      rowKey={({ id }) => id}
      facets={FACETS}
      empty={t.empty}
      create={{ title: t.run, run }}
      dialog={dialog}
    />
  );
}
