import {
  Button, Checkbox, EmptyState, EmptyStateBody, EmptyStateFooter, Label, Menu, MenuContent, MenuItem, MenuList, MenuToggle,
  Popper, SearchInput, Skeleton,
} from '@patternfly/react-core';
import ColumnsIcon from '@patternfly/react-icons/dist/esm/icons/columns-icon';
import FilterIcon from '@patternfly/react-icons/dist/esm/icons/filter-icon';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import type { UseQueryResult } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useDeferredValue, useMemo, useRef, useState } from 'react';
import { Link, useSearchParams } from 'react-router';

import { counts, haystacks, matching, ordered, type Valued } from '../model/rows';
import { statusText, texts } from '../texts';
import { ErrorNote, ErrorState } from './ErrorState';
import { MenuButton } from './MenuButton';
import { useRemembered } from './remembered';
import { useNarrow } from './useNarrow';

export interface Column<T> extends Valued<T> {
  title: string;
  render?: (row: T) => ReactNode;
  /** Not shown until somebody chooses it. */
  hidden?: boolean;
  /** Shown on a telephone too. */
  narrow?: boolean;
  width?: string;
  right?: boolean;
}

export interface RowAction<T> {
  key: string;
  title: string;
  danger?: boolean;
  /** May be done to many at once. */
  bulk?: boolean;
  when?: (row: T) => boolean;
  run: (rows: T[]) => void;
}

export interface Facet<T> {
  key: string;
  title: string;
  value: (row: T) => string;
  text?: (value: string) => string;
}

interface Properties<T> {
  /** Under which the browser remembers the columns. */
  id: string;
  query: UseQueryResult<T[]>;
  columns: Column<T>[];
  rowKey: (row: T) => string;
  link?: (row: T) => string;
  actions?: (row: T | null) => RowAction<T>[];
  facets?: Facet<T>[];
  create?: ReactNode;
  empty: { title: string; body: string };
  /** Words besides those of the columns by which a row is found. */
  words?: (row: T) => string;
}

const ROW = 41;

/** A list of things: found, ordered, chosen, acted upon; only the rows in sight are in the page. */
export function ResourceTable<T>(properties: Properties<T>) {
  const { id, query, columns, rowKey, link, actions, facets = [], create, empty, words } = properties;
  const narrow = useNarrow();
  const [address, setAddress] = useSearchParams();
  const [shown, setShown] = useRemembered<Record<string, boolean>>(`columns.${id}`, {});
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const text = address.get('q') ?? '';
  const wanted = useDeferredValue(text);
  const sort = address.get('sort');
  const order = sort === null ? null : { key: sort.replace(/^-/, ''), descending: sort.startsWith('-') };

  const set = (name: string, value: string) =>
    setAddress((before) => {
      const after = new URLSearchParams(before);
      if (value === '') after.delete(name);
      else after.set(name, value);
      return after;
    }, { replace: true });

  const rows = useMemo(() => query.data ?? [], [query.data]);
  const texts_ = useMemo(() => haystacks(rows, columns, words), [rows, columns, words]);
  const found = useMemo(() => matching(rows, texts_, wanted), [rows, texts_, wanted]);
  const picked = facets.map((facet) => [facet, address.get(facet.key)] as const);
  const kept = found.filter((row) => picked.every(([facet, value]) => value === null || facet.value(row) === value));
  const sorted = ordered(kept, columns, order);
  const visible = columns.filter(({ key, hidden, narrow: always }, index) =>
    narrow ? index === 0 || always === true : (shown[key] ?? hidden !== true));

  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: sorted.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 12,
    getItemKey: (index) => { const row = sorted[index]; return row === undefined ? index : rowKey(row); },
    initialRect: { width: 1200, height: 800 },
  });
  const items = virtual.getVirtualItems();
  const before = items[0]?.start ?? 0;
  const after = virtual.getTotalSize() - (items.at(-1)?.end ?? 0);
  const chosenRows = sorted.filter((row) => chosen.has(rowKey(row)));
  const bulk = (actions?.(null) ?? []).filter((action) => action.bulk === true);
  const width = visible.length + (bulk.length > 0 ? 1 : 0) + (actions === undefined ? 0 : 1);

  if (query.isError && query.data === undefined) {
    return <ErrorState error={query.error} retry={() => void query.refetch()} />;
  }
  const nothing = query.data?.length === 0;
  return (
    <div className="al-table-frame">
      {query.isError && <ErrorNote error={query.error} />}
      <div className="al-toolbar">
        <SearchInput
          className="al-search"
          aria-label={texts.table.filter}
          placeholder={texts.table.filter}
          value={text}
          onChange={(_event, value) => set('q', value)}
          onClear={() => set('q', '')}
        />
        {picked.map(([facet, value]) => (
          <MenuButton
            key={facet.key}
            label={facet.title}
            title={<><FilterIcon /> {value === null ? facet.title : (facet.text ?? statusText)(value)}</>}
            entries={[
              { key: '', title: texts.table.all, run: () => set(facet.key, '') },
              ...counts(found, facet.value).map(([each, count]) => ({
                key: each,
                title: <>{(facet.text ?? statusText)(each)} <Label isCompact>{count}</Label></>,
                run: () => set(facet.key, each),
              })),
            ]}
          />
        ))}
        {bulk.length > 0 && chosenRows.length > 0 && (
          <MenuButton
            label={texts.table.withChosen}
            title={texts.table.chosen(chosenRows.length)}
            primary
            entries={bulk.map((action) => {
              const able = chosenRows.filter((row) => action.when?.(row) !== false);
              return {
                key: action.key,
                title: able.length === chosenRows.length ? action.title : texts.table.someOf(action.title, able.length),
                danger: action.danger,
                disabled: able.length === 0,
                run: () => action.run(able),
              };
            })}
          />
        )}
        <span className="al-count" role="status">
          {query.data === undefined ? '' : texts.table.count(sorted.length, rows.length)}
        </span>
        {!narrow && <ColumnChoice columns={columns} shown={shown} setShown={setShown} />}
        {create}
      </div>
      {nothing ? (
        <EmptyState variant="sm" titleText={empty.title} headingLevel="h2">
          <EmptyStateBody>{empty.body}</EmptyStateBody>
          {create !== undefined && <EmptyStateFooter>{create}</EmptyStateFooter>}
        </EmptyState>
      ) : (
        <div className="al-scroller" ref={scroller} tabIndex={0} role="region" aria-label={texts.table.rows}>
          <Table variant="compact" isStickyHeader gridBreakPoint="" aria-rowcount={sorted.length} aria-label={texts.table.rows}>
            <Thead>
              <Tr>
                {bulk.length > 0 && (
                  <Th className="al-tick" aria-label={texts.table.choose}>
                    <Checkbox
                      id={`${id}-all`}
                      aria-label={texts.table.chooseAll}
                      isChecked={sorted.length > 0 && chosenRows.length === sorted.length ? true : chosenRows.length > 0 ? null : false}
                      onChange={(_event, on) => setChosen(on ? new Set(sorted.map(rowKey)) : new Set())}
                    />
                  </Th>
                )}
                {visible.map(({ key, title, width: wide, right }, index) => (
                  <Th
                    key={key}
                    style={wide === undefined ? undefined : { width: wide }}
                    textCenter={false}
                    className={right === true ? 'al-right' : undefined}
                    sort={{
                      columnIndex: index,
                      sortBy: {
                        index: visible.findIndex((column) => column.key === order?.key),
                        direction: order?.descending === true ? 'desc' : 'asc',
                      },
                      onSort: () => set('sort', order?.key !== key ? key : order.descending ? '' : `-${key}`),
                    }}
                  >
                    {title}
                  </Th>
                ))}
                {actions !== undefined && <Th className="al-kebab" screenReaderText={texts.table.actions} />}
              </Tr>
            </Thead>
            <Tbody>
              {query.data === undefined && Array.from({ length: 8 }, (_, line) => (
                <Tr key={line}><Td colSpan={width}><Skeleton /></Td></Tr>
              ))}
              {before > 0 && <Spacer height={before} columns={width} />}
              {items.map(({ index }) => {
                const row = sorted[index];
                if (row === undefined) return null;
                const key = rowKey(row);
                const own = actions?.(row).filter((action) => action.when?.(row) !== false);
                return (
                  <Tr key={key} isRowSelected={chosen.has(key)} aria-rowindex={index + 1}>
                    {bulk.length > 0 && (
                      <Td className="al-tick">
                        <Checkbox
                          id={`${id}-${key}`}
                          aria-label={texts.table.choose}
                          isChecked={chosen.has(key)}
                          onChange={(_event, on) => {
                            const next = new Set(chosen);
                            if (on) next.add(key);
                            else next.delete(key);
                            setChosen(next);
                          }}
                        />
                      </Td>
                    )}
                    {visible.map((column, place) => (
                      <Td key={column.key} className={column.right === true ? 'al-cell al-right' : 'al-cell'}>
                        {place === 0 && link !== undefined
                          ? <Link to={link(row)}>{column.render?.(row) ?? column.value(row)}</Link>
                          : (column.render?.(row) ?? column.value(row))}
                      </Td>
                    ))}
                    {own !== undefined && (
                      <Td className="al-kebab">
                        {own.length > 0 && (
                          <MenuButton
                            label={texts.table.actionsOn(String(columns[0]?.value(row) ?? key))}
                            entries={own.map((action) => ({ ...action, run: () => action.run([row]) }))}
                          />
                        )}
                      </Td>
                    )}
                  </Tr>
                );
              })}
              {after > 0 && <Spacer height={after} columns={width} />}
            </Tbody>
          </Table>
          {query.data !== undefined && sorted.length === 0 && (
            <EmptyState variant="sm" titleText={texts.table.nothingFound} headingLevel="h2">
              <EmptyStateBody>{texts.table.nothingFoundBody}</EmptyStateBody>
              <EmptyStateFooter>
                <Button variant="link" onClick={() => setAddress({}, { replace: true })}>{texts.table.clear}</Button>
              </EmptyStateFooter>
            </EmptyState>
          )}
        </div>
      )}
    </div>
  );
}

/** Stands for the rows that are out of sight. */
function Spacer({ height, columns }: { height: number; columns: number }) {
  return <tr aria-hidden="true" className="al-spacer"><td colSpan={columns} style={{ height }} /></tr>;
}

function ColumnChoice<T>({ columns, shown, setShown }: {
  columns: Column<T>[];
  shown: Record<string, boolean>;
  setShown: (shown: Record<string, boolean>) => void;
}) {
  const [open, setOpen] = useState(false);
  const toggle = useRef<HTMLButtonElement>(null);
  const menu = useRef<HTMLDivElement>(null);
  return (
    <Popper
      isVisible={open}
      position="right"
      triggerRef={toggle}
      popperRef={menu}
      appendTo={() => document.body}
      onDocumentClick={(event) => {
        if (event !== undefined && !menu.current?.contains(event.target as Node) && !toggle.current?.contains(event.target as Node)) setOpen(false);
      }}
      onDocumentKeyDown={(event) => { if (event?.key === 'Escape') setOpen(false); }}
      trigger={
        <MenuToggle ref={toggle} variant="plain" aria-label={texts.table.columns} isExpanded={open} onClick={() => setOpen(!open)} icon={<ColumnsIcon />} />
      }
      popper={
        <Menu ref={menu} onSelect={(_event, key) => {
          const column = columns.find((each) => each.key === key);
          if (column !== undefined) setShown({ ...shown, [column.key]: !(shown[column.key] ?? column.hidden !== true) });
        }}>
          <MenuContent>
            <MenuList>
              {columns.slice(1).map(({ key, title, hidden }) => (
                <MenuItem key={key} itemId={key} hasCheckbox isSelected={shown[key] ?? hidden !== true}>{title}</MenuItem>
              ))}
            </MenuList>
          </MenuContent>
        </Menu>
      }
    />
  );
}
