import { useQuery } from '@tanstack/react-query';

import { planeQueries } from '../../api/plane';
import { adminPath } from '../../api/scope';
import { Page } from '../../parts/Page';
import { ResourceTable } from '../../parts/ResourceTable';
import { texts } from '../../texts';
import { UpgradePart } from '../operations/UpgradePart';
import { REGION_COLUMNS } from './regionColumns';
import { RolloutPart } from './RolloutPart';
import { useRegion } from './useRegion';

const t = texts.regions;

/** The customer's regions as its provider runs them, the release that serves, upgrades of it, and how hosts follow. */
export default function Regions() {
  const { customer, region } = useRegion();
  const query = useQuery(planeQueries.regions());
  return (
    <Page title={t.title}>
      <ResourceTable id="regions" query={query} columns={REGION_COLUMNS} rowKey={({ name }) => name} empty={t.empty} />
      <h2 className="pf-v6-c-title pf-m-lg">{t.upgrades}</h2>
      <p className="al-quiet">{t.upgradesLead}</p>
      <UpgradePart customer={customer} base={adminPath(region, 'operations')} />
      <RolloutPart customer={customer} region={region} />
    </Page>
  );
}
