import { type Range, useVirtualizer } from '@tanstack/react-virtual';
import { memo, type ReactNode, useCallback, useMemo, useRef, useState } from 'react';
import { useNavigate } from 'react-router';

import { assigned, type Slots } from '../model/slots';
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
  /** In the place of rows while there are none. */
  waiting: ReactNode;
}

const ROW = 41;
const BEYOND = 4;
const FIRST_SIGHT = { width: 1200, height: 800 };

/** The rows in sight, and some beyond; scrolling makes nothing else of the page anew. */
function PlainRows<T>({ id, rows, rowKey, columns, link, actions, chosen, choose, scroller, waiting }: Properties<T>) {
  const [menu, setMenu] = useState<{ key: string; button: HTMLButtonElement } | null>(null);
  const navigate = useNavigate();
  const events = useMemo((): RowEvents => ({
    choose,
    menu: (key, button) => setMenu((open) => (open?.key === key ? null : { key, button })),
    follow: (event) => {
      if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      void navigate(event.currentTarget.getAttribute('href') ?? '');
    },
  }), [choose, navigate]);
  const keyAt = useCallback((index: number) => { const row = rows[index]; return row === undefined ? index : rowKey(row); }, [rows, rowKey]);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller,
    estimateSize: () => ROW,
    overscan: BEYOND,
    rangeExtractor: inPage,
    getItemKey: keyAt,
    initialRect: FIRST_SIGHT,
  });
  const items = virtual.getVirtualItems();
  const slots = useRef<Slots>(new Map());
  slots.current = assigned(slots.current, items.map(({ index }) => String(keyAt(index))), heldSlot());
  const before = items[0]?.start ?? 0;
  const after = virtual.getTotalSize() - (items.at(-1)?.end ?? 0);
  const offered = (row: T) => (actions?.(row) ?? []).filter((action) => action.when?.(row) !== false);
  // A row that went out of sight takes its button along, and the menu has nowhere to be.
  const acted = menu?.button.isConnected === true ? items.map(({ index }) => rows[index]).find((row) => row !== undefined && rowKey(row) === menu.key) : undefined;
  return (
    <tbody role="rowgroup">
      {waiting}
      <Spacer height={before} />
      {items.map(({ index }) => {
        const row = rows[index];
        if (row === undefined) return null;
        const key = rowKey(row);
        return (
          <ResourceRow
            key={slots.current.get(key)}
            slot={slots.current.get(key) ?? 0}
            id={id}
            row={row}
            rowKey={key}
            place={index + 1}
            columns={columns}
            to={link?.(row)}
            chosen={chosen === null ? null : chosen.has(key)}
            menu={actions === undefined ? null : offered(row).length > 0}
            open={menu?.key === key}
            events={events}
          />
        );
      })}
      <Spacer height={after} />
      {menu !== null && acted !== undefined && (
        <MenuAt
          key={menu.key}
          button={menu.button}
          close={() => setMenu(null)}
          entries={offered(acted).map((action) => ({ ...action, run: () => action.run([acted]) }))}
        />
      )}
    </tbody>
  );
}

export const ResourceRows = memo(PlainRows) as typeof PlainRows;

/** The rows to have in the page: as many at the ends of a list as in its midst, so that a jump makes no row anew. */
function inPage({ startIndex, endIndex, overscan, count }: Range): number[] {
  const many = Math.min(count, endIndex - startIndex + 1 + 2 * overscan);
  const first = Math.min(Math.max(0, startIndex - overscan), count - many);
  return Array.from({ length: many }, (_, place) => first + place);
}

/** The slot of the row that the keyboard is in. */
function heldSlot(): number | null {
  const slot = document.activeElement?.closest<HTMLElement>('tr[data-slot]')?.dataset.slot;
  return slot === undefined ? null : Number(slot);
}

/** Stands for the rows that are out of sight; always there, since an element that comes has all after it styled anew. */
function Spacer({ height }: { height: number }) {
  return <tr aria-hidden="true" className="al-spacer" style={{ height }} />;
}
