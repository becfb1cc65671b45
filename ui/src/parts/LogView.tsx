import { Button, FormSelect, FormSelectOption } from '@patternfly/react-core';
import type { UseQueryResult } from '@tanstack/react-query';
import { type ReactNode, useEffect, useRef } from 'react';

import { texts } from '../texts';
import { Loaded } from './ErrorState';

const t = texts.instance.log;
/** How many lines of a log can be asked for. */
export const LINES = [200, 1000, 10_000] as const;
/** Milliseconds after which a log is asked for anew. */
export const REFRESH = 5000;

/** A log; its end is kept in sight. */
export function LogView({ query, lines, setLines, label, children }: {
  query: UseQueryResult<string>;
  lines: number;
  setLines: (lines: number) => void;
  label: string;
  /** Before what says how much of it is shown. */
  children?: ReactNode;
}) {
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    end.current?.scrollTo({ top: end.current.scrollHeight });
  }, [query.data]);
  return (
    <div className="al-stack">
      <div className="al-row">
        {children}
        <Button variant="secondary" size="sm" onClick={() => void query.refetch()}>{t.refresh}</Button>
        <FormSelect className="al-short" aria-label={t.lines} value={lines} onChange={(_event, value) => setLines(Number(value))}>
          {LINES.map((count) => <FormSelectOption key={count} value={count} label={`${count} ${t.lines.toLowerCase()}`} />)}
        </FormSelect>
      </div>
      <Loaded query={query}>
        {(log) => log === '' ? <p className="al-quiet">{t.empty}</p>
          : <div ref={end} className="al-log" tabIndex={0} role="log" aria-label={label}>{log}</div>}
      </Loaded>
    </div>
  );
}
