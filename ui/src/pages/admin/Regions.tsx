import { useQuery } from '@tanstack/react-query';

import { planeQueries } from '../../api/plane';
import { ListPage } from '../../parts/ListPage';
import { texts } from '../../texts';
import { REGION_COLUMNS } from './regionColumns';

const t = texts.regions;

/** The customer's regions, as its provider runs them. */
export default function Regions() {
  const query = useQuery(planeQueries.regions());
  return <ListPage id="regions" title={t.title} query={query} columns={REGION_COLUMNS} rowKey={({ name }) => name} empty={t.empty} />;
}
