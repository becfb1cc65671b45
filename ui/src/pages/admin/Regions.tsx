import { useQuery } from '@tanstack/react-query';

import { planeQueries } from '../../api/plane';
import { Page } from '../../parts/Page';
import { ResourceTable } from '../../parts/ResourceTable';
import { texts } from '../../texts';
import { REGION_COLUMNS } from './regionColumns';

const t = texts.regions;

/** The customer's regions, as its provider runs them. */
export default function Regions() {
  const query = useQuery(planeQueries.regions());
  return (
    <Page title={t.title} fill>
      <ResourceTable id="regions" query={query} columns={REGION_COLUMNS} rowKey={({ name }) => name} empty={t.empty} />
    </Page>
  );
}
