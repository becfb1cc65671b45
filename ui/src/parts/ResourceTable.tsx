import { Button, EmptyState, EmptyStateBody, EmptyStateFooter, Label, SearchInput, Skeleton } from '@patternfly/react-core';
import FilterIcon from '@patternfly/react-icons/dist/esm/icons/filter-icon';
import { type CSSProperties, memo, type ReactNode, useCallback, useMemo, useState } from 'react';

import { counts, haystackOf, lettersOf, matching, ordered } from '../model/rows';
import { statusText, texts } from '../texts';
import { type ChangeQuery, useAddressQuery } from './addressQuery';
import { ColumnChoice, isShown, type ShownColumns } from './ColumnChoice';
import { ErrorNote, ErrorState } from './ErrorState';
import { MenuButton } from './MenuButton';
import { useRemembered } from './remembered';
import { ResourceHead } from './ResourceHead';
import type { Column } from './ResourceRow';
import { ResourceRows, type RowAction } from './ResourceRows';
import { useNarrow } from './useNarrow';

export type { Column } from './ResourceRow';
export type { RowAction } from './ResourceRows';

export interface Facet<T> {
  key: string;
  title: string;
  value: (row: T) => string;
  text?: (value: string) => string;
}

/** Rows that were asked for; a query gives them. */
export interface Asked<T> {
  data: T[] | undefined;
  isError: boolean;
  error: unknown;
  refetch: () => Promise<unknown>;
}

interface Properties<T> {
  /** Under which the browser remembers the columns. */
  id: string;
  query: Asked<T>;
  columns: Column<T>[];
  rowKey: (row: T) => string;
  link?: (row: T) => string;
  actions?: (row: T | null) => RowAction<T>[];
  facets?: readonly Facet<T>[];
  create?: ReactNode;
  empty: { title: string; body: string };
  /** Words besides those of the columns by which a row is found. */
  words?: (row: T) => string;
}

const NOTHING: readonly never[] = [];
const NONE: ReadonlySet<string> = new Set();

/** A list of things: found, ordered, chosen, acted upon; only the rows in sight are in the page. */
export function ResourceTable<T>(properties: Properties<T>) {
  const { id, query, columns, rowKey, link, actions, facets = NOTHING, create, empty } = properties;
  const narrow = useNarrow();
  const [address, setQuery] = useAddressQuery();
  const [shown, setShown] = useRemembered<ShownColumns>(`columns.${id}`, {});
  const [chosen, setChosen] = useState(NONE);
  const [scroller, setScroller] = useState<HTMLElement | null>(null);

  const rows = query.data ?? NOTHING;
  const { found, sorted, order } = useRows(rows, properties, address, facets);
  const visible = useMemo(
    () => columns.filter((column, index) => (narrow ? index === 0 || column.narrow === true : isShown(column, shown))),
    [columns, narrow, shown],
  );
  const chosenRows = useMemo(() => (chosen.size === 0 ? [] : sorted.filter((row) => chosen.has(rowKey(row)))), [sorted, chosen, rowKey]);
  const choose = useCallback((key: string, on: boolean) => setChosen((before) => {
    const next = new Set(before);
    if (on) next.add(key);
    else next.delete(key);
    return next;
  }), []);
  const bulk = (actions?.(null) ?? []).filter((action) => action.bulk === true);
  const measures = useMeasures(visible, rows, { ticks: bulk.length > 0, menus: actions !== undefined, narrow });

  if (query.isError && query.data === undefined) {
    return <ErrorState error={query.error} retry={() => void query.refetch()} />;
  }
  return (
    <div className="al-table-frame">
      {query.isError && <ErrorNote error={query.error} />}
      <div className="al-toolbar">
        <Words value={address.get('q') ?? ''} setQuery={setQuery} />
        {facets.map((facet) => <FacetMenu key={facet.key} facet={facet} rows={found} value={address.get(facet.key)} setQuery={setQuery} />)}
        {bulk.length > 0 && chosenRows.length > 0 && <BulkMenu actions={bulk} rows={chosenRows} />}
        <span className="al-count" role="status">
          {query.data === undefined ? '' : texts.table.count(sorted.length, rows.length)}
        </span>
        {!narrow && <ColumnChoice columns={columns} shown={shown} setShown={setShown} />}
        {create}
      </div>
      {query.data?.length === 0 ? (
        <EmptyState variant="sm" titleText={empty.title} headingLevel="h2">
          <EmptyStateBody>{empty.body}</EmptyStateBody>
          {create !== undefined && <EmptyStateFooter>{create}</EmptyStateFooter>}
        </EmptyState>
      ) : (
        <div className="al-scroller" ref={setScroller} tabIndex={0} role="region" aria-label={texts.table.rows}>
          <table role="table" className="al-table" style={measures} aria-rowcount={sorted.length} aria-label={texts.table.rows}>
            <ResourceHead
              id={id}
              columns={visible}
              order={order}
              setQuery={setQuery}
              chosen={bulk.length === 0 ? undefined : chosenRows.length === 0 ? false : chosenRows.length === sorted.length ? true : null}
              chooseAll={(on) => setChosen(on ? new Set(sorted.map(rowKey)) : NONE)}
              menus={actions !== undefined}
            />
            <ResourceRows
              id={id}
              rows={sorted}
              rowKey={rowKey}
              columns={visible}
              link={link}
              actions={actions}
              chosen={bulk.length === 0 ? null : chosen}
              choose={choose}
              scroller={scroller}
              waiting={query.data === undefined ? <Waiting /> : null}
            />
          </table>
          {query.data !== undefined && sorted.length === 0 && (
            <EmptyState variant="sm" titleText={texts.table.nothingFound} headingLevel="h2">
              <EmptyStateBody>{texts.table.nothingFoundBody}</EmptyStateBody>
              <EmptyStateFooter>
                <Button variant="link" onClick={() => setQuery(Object.fromEntries(['q', ...facets.map(({ key }) => key)].map((key) => [key, ''])))}>
                  {texts.table.clear}
                </Button>
              </EmptyStateFooter>
            </EmptyState>
          )}
        </div>
      )}
    </div>
  );
}

/** The rows that the address asks for: `found` by its words, `sorted` those that fit its other filters, in its order. */
function useRows<T>(
  rows: readonly T[], { columns, words }: Pick<Properties<T>, 'columns' | 'words'>, address: URLSearchParams, facets: readonly Facet<T>[],
) {
  const wanted = address.get('q') ?? '';
  const sort = address.get('sort');
  const order = useMemo(() => (sort === null ? null : { key: sort.replace(/^-/, ''), descending: sort.startsWith('-') }), [sort]);
  const textOf = useMemo(() => haystackOf(columns, words), [columns, words]);
  const haystacks = useMemo(() => rows.map(textOf), [rows, textOf]);
  const found = useMemo(() => matching(rows, haystacks, wanted), [rows, haystacks, wanted]);
  const sorted = useMemo(() => {
    const picked = facets.flatMap((facet) => { const value = address.get(facet.key); return value === null ? [] : [[facet, value] as const]; });
    const kept = picked.length === 0 ? found : found.filter((row) => picked.every(([facet, value]) => facet.value(row) === value));
    return ordered(kept, columns, order);
  }, [found, facets, address, columns, order]);
  return { found, sorted, order };
}

/** Of a digit's width: letters are narrower on the whole. */
const LETTER = 0.85;
const PADDING = 1.2;
const TICK = 2.4;
const MENU = 3;

/** The widths of columns, for the style of the table: all rows are laid out alike, whatever is in them. */
function useMeasures<T>(
  columns: readonly Column<T>[], rows: readonly T[], { ticks, menus, narrow }: { ticks: boolean; menus: boolean; narrow: boolean },
): CSSProperties {
  return useMemo(() => {
    const letters = columns.map((column) => lettersOf(column, rows));
    const width = (count: number) => `${(count * LETTER).toFixed(1)}ch`;
    const ends = { before: ticks ? TICK : 0, after: menus ? MENU : 0 };
    const tracks = letters.map(({ wanted, kept }, place) => {
      const least = `calc(${width(kept)} + ${PADDING}rem)`;
      if (narrow) return place === 0 ? 'minmax(0, 1fr)' : least;
      return `minmax(${least}, ${wanted}fr)`;
    });
    const all = letters.reduce((sum, { kept }) => sum + kept, 0);
    const template = [...(ticks ? [`${TICK}rem`] : []), ...tracks, ...(menus ? [`${MENU}rem`] : [])].join(' ');
    const least = narrow ? '0' : `calc(${width(all)} + ${letters.length * PADDING + ends.before + ends.after}rem)`;
    return { '--al-columns': template, minWidth: least } as CSSProperties;
  }, [columns, rows, ticks, menus, narrow]);
}

/** The words that rows are found by. */
const Words = memo(function Words({ value, setQuery }: { value: string; setQuery: ChangeQuery }) {
  return (
    <SearchInput
      className="al-search"
      aria-label={texts.table.filter}
      placeholder={texts.table.filter}
      value={value}
      onChange={(_event, q) => setQuery({ q })}
      onClear={() => setQuery({ q: '' })}
    />
  );
});

const FacetMenu = memo(PlainFacetMenu) as typeof PlainFacetMenu;

function PlainFacetMenu<T>({ facet, rows, value, setQuery }: { facet: Facet<T>; rows: readonly T[]; value: string | null; setQuery: ChangeQuery }) {
  const set = (one: string) => setQuery({ [facet.key]: one });
  const text = facet.text ?? statusText;
  const counted = useMemo(() => counts(rows, facet.value), [rows, facet]);
  return (
    <MenuButton
      label={facet.title}
      title={<><FilterIcon /> {value === null ? facet.title : text(value)}</>}
      entries={[
        { key: '', title: texts.table.all, run: () => set('') },
        ...counted.map(([each, count]) => ({
          key: each,
          title: <>{text(each)} <Label isCompact>{count}</Label></>,
          run: () => set(each),
        })),
      ]}
    />
  );
}

function BulkMenu<T>({ actions, rows }: { actions: readonly RowAction<T>[]; rows: readonly T[] }) {
  return (
    <MenuButton
      label={texts.table.withChosen}
      title={texts.table.chosen(rows.length)}
      primary
      entries={actions.map(({ key, title, danger, when, run }) => {
        const able = rows.filter((row) => when?.(row) !== false);
        return {
          key,
          title: able.length === rows.length ? title : texts.table.someOf(title, able.length),
          danger,
          disabled: able.length === 0,
          run: () => run(able),
        };
      })}
    />
  );
}

function Waiting() {
  return Array.from({ length: 8 }, (_, line) => <tr key={line} role="row"><td role="cell" className="al-wide"><Skeleton /></td></tr>);
}
