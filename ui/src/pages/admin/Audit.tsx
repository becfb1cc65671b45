import { useQuery } from '@tanstack/react-query';

import { type AuditEntry, planeQueries } from '../../api/plane';
import { useSession } from '../../api/session';
import { line } from '../../model/json';
import { Ago } from '../../parts/Ago';
import { ListPage } from '../../parts/ListPage';
import type { Column } from '../../parts/ResourceTable';
import { StatusLabel } from '../../parts/StatusLabel';
import { operationText, texts } from '../../texts';

const t = texts.audit;
const COLUMNS: Column<AuditEntry>[] = [
  { key: 'at', title: t.columns.at, value: ({ at }) => at, render: ({ at }) => <Ago at={at} /> },
  { key: 'actor', title: t.columns.actor, value: ({ actor }) => actor.replace(/^\w+:/, '') },
  { key: 'action', title: t.columns.action, value: ({ action }) => operationText(action), narrow: true },
  { key: 'subject', title: t.columns.subject, value: ({ subject }) => subject },
  { key: 'outcome', title: t.columns.outcome, value: ({ outcome }) => outcome, render: ({ outcome }) => <StatusLabel status={outcome} />, narrow: true },
  { key: 'customer', title: t.columns.customer, value: ({ customer }) => customer ?? '', hidden: true },
  { key: 'detail', title: t.columns.detail, value: ({ detail }) => line(detail, ['operation']) },
];
const FACETS = [
  { key: 'outcome', title: t.columns.outcome, value: ({ outcome }: AuditEntry) => outcome },
  { key: 'action', title: t.columns.action, value: ({ action }: AuditEntry) => action, text: operationText },
];

/** Who did what at the plane. */
export default function Audit() {
  const { customer } = useSession();
  const query = useQuery(planeQueries.audit(customer ?? undefined));
  return <ListPage id="audit" title={t.title} lead={t.lead} query={query} columns={COLUMNS} rowKey={({ id }) => String(id)} facets={FACETS} empty={t.empty} />;
}
