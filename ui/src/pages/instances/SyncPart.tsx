import { Alert, Card, CardBody, CardTitle } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';

import { regionQueries, type TrailEntry } from '../../api/plane';
import { useScope } from '../../api/scope';
import { useSession } from '../../api/session';
import { moment } from '../../model/format';
import { shown } from '../../model/json';
import { Ago } from '../../parts/Ago';
import { Facts } from '../../parts/Facts';
import { StatusLabel } from '../../parts/StatusLabel';
import { texts } from '../../texts';

const t = texts.instance.sync;
const LETTERS = 60;

const short = (value: unknown) => {
  const text = shown(value);
  return text.length > LETTERS ? `${text.slice(0, LETTERS)}…` : text;
};

/** What sync knows of an instance: whether it is still there, and what was changed where, by whom, from what to what. */
export function SyncPart({ uuid }: { uuid: string }) {
  const { region } = useScope();
  const { customer } = useSession();
  const { data } = useQuery(regionQueries.syncInstance(customer ?? '', region, uuid));
  if (!data) return null;
  const since = (seconds: number | null) => seconds !== null && <Ago at={moment(seconds)} />;
  return (
    <Card isCompact>
      <CardTitle component="h2">{t.title}</CardTitle>
      <CardBody>
        {data.silent_since !== null && <Alert isInline variant="warning" title={t.silentNote(data.host)} />}
        <Facts columns={1} facts={[
          [t.found, t.origins[data.origin] ?? data.origin],
          [t.standing, data.standing !== 'adopted' && <StatusLabel status={data.standing} />],
          [t.stale, since(data.stale_since)],
          [t.silent, since(data.silent_since)],
          [t.reason, data.reason],
        ]} />
        {data.trail.length === 0 ? <p className="al-quiet">{t.nothing}</p> : (
          <ul aria-label={t.changes}>{data.trail.map((entry) => <Change key={entry.id} entry={entry} />)}</ul>
        )}
      </CardBody>
    </Card>
  );
}

function Change({ entry: { at, field, before, after, who, source, lost, note } }: { entry: TrailEntry }) {
  return (
    <li>
      <Ago at={moment(at)} /> <strong>{field}</strong> <del>{short(before)}</del> <ins>{short(after)}</ins>{' '}
      <span className="al-quiet">{[who, source, lost ? texts.sync.lost : '', note].filter(Boolean).join(' · ')}</span>
    </li>
  );
}
