import { Label } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';

import { planeQueries } from '../../api/plane';
import { adminPath } from '../../api/scope';
import { Page } from '../../parts/Page';
import { texts } from '../../texts';
import { RegionHosts } from './RegionHosts';
import { useRegion } from './useRegion';

const t = texts.hosts;

/** The machines of the region. */
export default function Hosts() {
  const { customer, region } = useRegion();
  const { data: pending = 0 } = useQuery({
    ...planeQueries.hosts(),
    select: (hosts) => hosts.filter((host) => host.region === region && host.state === 'pending').length,
  });
  return (
    <Page title={t.title} badge={pending > 0 ? <Label color="purple">{t.pending(pending)}</Label> : undefined} fill>
      <RegionHosts customer={customer} region={region} link={({ name }) => adminPath(region, 'hosts', name)} />
    </Page>
  );
}
