import { Button, FormSelect, FormSelectOption } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';

import { queries } from '../../api/queries';
import { useScope } from '../../api/scope';
import type { Server } from '../../api/types';
import { Loaded } from '../../parts/ErrorState';
import { texts } from '../../texts';

const t = texts.instance.log;
const LINES = [200, 1000, 10_000];
const REFRESH = 5000;

/** What the instance wrote to its serial port; its end is kept in sight. */
export function LogTab({ server }: { server: Server }) {
  const scope = useScope();
  const [lines, setLines] = useState(LINES[0] ?? 200);
  const query = useQuery({ ...queries.instanceLog(scope, server.id, lines), refetchInterval: REFRESH, staleTime: 0 });
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    end.current?.scrollTo({ top: end.current.scrollHeight });
  }, [query.data]);
  return (
    <div className="al-stack">
      <div className="al-row">
        <Button variant="secondary" size="sm" onClick={() => void query.refetch()}>{t.refresh}</Button>
        <FormSelect className="al-short" aria-label={t.lines} value={lines} onChange={(_event, value) => setLines(Number(value))}>
          {LINES.map((count) => <FormSelectOption key={count} value={count} label={`${count} ${t.lines.toLowerCase()}`} />)}
        </FormSelect>
      </div>
      <Loaded query={query}>
        {(log) => log === '' ? <p className="al-quiet">{t.empty}</p>
          : <div ref={end} className="al-log" tabIndex={0} role="log" aria-label={t.label}>{log}</div>}
      </Loaded>
    </div>
  );
}
