import { FormSelect, FormSelectOption } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useSearchParams } from 'react-router';

import { planeQueries } from '../../api/plane';
import { LINES, LogView, REFRESH } from '../../parts/LogView';
import { Page } from '../../parts/Page';
import { texts } from '../../texts';

const t = texts.logs;
const PLANE = 'plane';

/** What any process of the node, or of a customer's controller, wrote. */
export default function Logs() {
  const [address, setAddress] = useSearchParams();
  const status = useQuery(planeQueries.status());
  const owners = ['', ...(status.data?.regions ?? []).map(({ customer, region }) => `${customer}/${region}`)];
  const owner = address.get('of') ?? '';
  const [customer = '', region = ''] = owner.split('/');
  const components = owner === '' ? status.data?.shared : status.data?.regions.find((one) => one.customer === customer && one.region === region)?.components;
  const names = (components ?? []).map(({ name }) => name);
  const wanted = address.get('process') ?? (owner === '' ? PLANE : names[0] ?? '');
  const [lines, setLines] = useState<number>(LINES[0]);
  const query = useQuery({ ...planeQueries.log(customer, region, wanted, lines), enabled: wanted !== '', refetchInterval: REFRESH, staleTime: 0 });
  return (
    <Page title={t.title} lead={t.lead}>
      <LogView query={query} lines={lines} setLines={setLines} label={`${t.title}: ${wanted}`}>
        <FormSelect className="al-short" aria-label={t.of} value={owner} onChange={(_event, of) => setAddress(of === '' ? {} : { of })}>
          {owners.map((each) => <FormSelectOption key={each} value={each} label={each === '' ? t.node : each} />)}
        </FormSelect>
        <FormSelect className="al-short" aria-label={t.process} value={wanted} onChange={(_event, process) => setAddress({ ...(owner === '' ? {} : { of: owner }), process })}>
          {[...new Set([wanted, ...names])].map((each) => <FormSelectOption key={each} value={each} label={each} />)}
        </FormSelect>
      </LogView>
    </Page>
  );
}
