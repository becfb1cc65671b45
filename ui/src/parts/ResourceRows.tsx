import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, type ReactNode, useCallback, useMemo, useRef, useState } from 'react';

import { MenuAt } from './MenuButton';
import { type Column, ResourceRow, type RowEvents } from './ResourceRow';

export interface RowAction<T> {
  key: string;
  title: string;
  danger?: boolean;
  /** May be done to many at once. */
  bulk?: boolean;
  when?: (row: T) => boolean;
  run: (rows: T[]) => void;
}

interface Properties<T> {
  id: string;
  rows: readonly T[];
  rowKey: (row: T) => string;
  columns: readonly Column<T>[];
  link: ((row: T) => string) | undefined;
  actions: ((row: T | null) => RowAction<T>[]) | undefined;
  /** `null` where rows cannot be ticked. */
  chosen: ReadonlySet<string> | null;
  choose: (key: string, on: boolean) => void;
  scroller: HTMLElement | null;
  /** How many cells a row has. */
  width: number;
  /** In the place of rows while there are none. */
  waiting: ReactNode;
}

const ROW = 41;
const BEYOND = 6;
const FIRST_SIGHT = { width: 1200, height: 800 };

/** The rows in sight, and some beyond; scrolling makes nothing else of the page anew. */
function PlainRows<T>({ id, rows, rowKey, columns, link, actions, chosen, choose, scroller, width, waiting }: Properties<T>) {
  const [menu, setMenu] = useState<string | null>(null);
  const button = useRef<HTMLButtonElement>(null);
  const events = useMemo((): RowEvents => ({
    choose,
    menu: (key, pressed) => {
      button.current = pressed;
      setMenu((open) => (open === key ? null : key));
    },
  }), [choose]);
  const keyAt = useCallback((index: number) => { const row = rows[index]; return row === undefined ? index : rowKey(row); }, [rows, rowKey]);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller,
    estimateSize: () => ROW,
    overscan: BEYOND,
    getItemKey: keyAt,
    initialRect: FIRST_SIGHT,
  });
  const items = virtual.getVirtualItems();
  const before = items[0]?.start ?? 0;
  const after = virtual.getTotalSize() - (items.at(-1)?.end ?? 0);
  const offered = (row: T) => (actions?.(row) ?? []).filter((action) => action.when?.(row) !== false);
  const acted = items.map(({ index }) => rows[index]).find((row) => row !== undefined && rowKey(row) === menu);
  return (
    <tbody className="pf-v6-c-table__tbody">
      {waiting}
      {before > 0 && <Spacer height={before} columns={width} />}
      {items.map(({ index }) => {
        const row = rows[index];
        if (row === undefined) return null;
        const key = rowKey(row);
        return (
          <ResourceRow
            key={key}
            id={id}
            row={row}
            rowKey={key}
            place={index + 1}
            columns={columns}
            to={link?.(row)}
            chosen={chosen === null ? null : chosen.has(key)}
            menu={actions === undefined ? null : offered(row).length > 0}
            open={menu === key}
            events={events}
          />
        );
      })}
      {after > 0 && <Spacer height={after} columns={width} />}
      {acted !== undefined && (
        <MenuAt
          key={menu}
          button={button}
          close={() => setMenu(null)}
          entries={offered(acted).map((action) => ({ ...action, run: () => action.run([acted]) }))}
        />
      )}
    </tbody>
  );
}

export const ResourceRows = memo(PlainRows) as typeof PlainRows;

/** Stands for the rows that are out of sight. */
function Spacer({ height, columns }: { height: number; columns: number }) {
  return <tr aria-hidden="true" className="al-spacer"><td colSpan={columns} style={{ height }} /></tr>;
}
