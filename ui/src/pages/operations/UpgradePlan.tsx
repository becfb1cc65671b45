import { Alert } from '@patternfly/react-core';

import type { UpgradeCheck, UpgradePlan as Told } from '../../api/plane';
import { atHand } from '../../parts/asked';
import { Facts } from '../../parts/Facts';
import { type Column, ResourceTable } from '../../parts/ResourceTable';
import { texts } from '../../texts';

const t = texts.upgrades.planned;
const COLUMNS: Column<UpgradeCheck>[] = [
  { key: 'project', title: t.columns.project, value: ({ project }) => project },
  { key: 'verdict', title: t.columns.verdict, value: ({ verdict }) => verdict, narrow: true },
  { key: 'detail', title: t.columns.detail, value: ({ detail }) => detail },
];
const KEY = ({ project, detail }: UpgradeCheck) => `${project}/${detail}`;
type Package = Told['packages'][number];
const PACKAGES: Column<Package>[] = [
  { key: 'name', title: t.packageColumns.name, value: ({ name }) => name },
  { key: 'before', title: t.packageColumns.before, value: ({ before }) => before, narrow: true },
  { key: 'after', title: t.packageColumns.after, value: ({ after }) => after, narrow: true },
];
const NAME = ({ name }: Package) => name;

/** What a rehearsal of an upgrade found: the pause to expect, what was checked, and which hosts are not well. */
export function UpgradePlan({ plan }: { plan: Told }) {
  const changed = Object.entries(plan.changes).map(([region, { came, went }]) => `${region}: ${came.length + went.length}`);
  return (
    <div className="al-stack">
      {plan.unwell.length > 0 && <Alert isInline variant="warning" title={t.unwell(plan.unwell.join(', '))} />}
      <Facts columns={1} facts={[
        [t.release, `${plan.from} → ${plan.release}`],
        [t.pause, t.seconds(plan.pause_seconds)],
        [t.basis, plan.pause_basis],
        [t.things, t.alike(plan.things)],
        [t.changes, changed.join(', ')],
        [t.packages, t.otherVersions(plan.packages.length)],
      ]} />
      <ResourceTable
        id="upgrade-checks"
        query={atHand(plan.checks)}
        columns={COLUMNS}
        rowKey={KEY}
        empty={t.empty}
      />
      {plan.packages.length > 0 && (
        <details>
          <summary>{`${t.packages}: ${t.otherVersions(plan.packages.length)}`}</summary>
          <ResourceTable id="upgrade-packages" query={atHand(plan.packages)} columns={PACKAGES} rowKey={NAME} empty={t.empty} />
        </details>
      )}
    </div>
  );
}
