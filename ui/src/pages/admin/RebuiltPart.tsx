import { EmptyState, EmptyStateBody } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';

import { type Rebuilt, regionQueries } from '../../api/plane';
import { moment } from '../../model/format';
import { Ago } from '../../parts/Ago';
import { atHand } from '../../parts/asked';
import { Loaded } from '../../parts/ErrorState';
import { Facts } from '../../parts/Facts';
import { type Column, ResourceTable } from '../../parts/ResourceTable';
import { statusText, texts } from '../../texts';

const t = texts.rebuilt;
type Missing = Rebuilt['missing'][number];
type Lost = Rebuilt['lost'][number];
const MISSING: Column<Missing>[] = [
  { key: 'name', title: texts.sync.columns.name, value: ({ name, uuid }) => name || uuid },
  { key: 'host', title: texts.sync.columns.host, value: ({ host }) => host, narrow: true },
  { key: 'reason', title: texts.sync.columns.reason, value: ({ reason }) => reason },
  { key: 'uuid', title: texts.sync.columns.uuid, value: ({ uuid }) => uuid, hidden: true },
];
const LOST: Column<Lost>[] = [
  { key: 'kind', title: t.columns.kind, value: ({ kind }) => statusText(kind) },
  { key: 'which', title: t.columns.which, value: ({ which }) => which, narrow: true },
  { key: 'what', title: t.columns.what, value: ({ what }) => what },
];

/** What came back after a region's databases were lost and made anew, what is still missing, and what could not be rebuilt. */
export function RebuiltPart({ customer, region }: { customer: string; region: string }) {
  const query = useQuery(regionQueries.syncRebuilt(customer, region));
  return (
    <Loaded query={query}>
      {(told) => told === null ? (
        <EmptyState variant="sm" titleText={t.never.title} headingLevel="h2"><EmptyStateBody>{t.never.body}</EmptyStateBody></EmptyState>
      ) : (
        <div className="al-stack al-scrolled">
          <p className="al-quiet">{t.lead}</p>
          <Facts facts={[
            [t.at, <Ago key="at" at={moment(told.at)} />],
            ...Object.entries(told.rebuilt).map(([kind, many]) => [statusText(kind), String(many)] as const),
          ]} />
          <h2 className="pf-v6-c-title pf-m-lg">{t.missing}</h2>
          <ResourceTable id="rebuilt-missing" query={atHand(told.missing)} columns={MISSING} rowKey={({ uuid }) => uuid} empty={t.allBack} />
          <h2 className="pf-v6-c-title pf-m-lg">{t.lost}</h2>
          <ResourceTable id="rebuilt-lost" query={atHand(told.lost)} columns={LOST} rowKey={({ kind, which, what }) => `${kind}/${which}/${what}`} empty={t.nothingLost} />
        </div>
      )}
    </Loaded>
  );
}
