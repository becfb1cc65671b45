import EllipsisVIcon from '@patternfly/react-icons/dist/esm/icons/ellipsis-v-icon';
import { memo, type MouseEvent, type ReactNode } from 'react';

import type { Valued } from '../model/rows';
import { texts } from '../texts';

export interface Column<T> extends Valued<T> {
  title: string;
  render?: (row: T) => ReactNode;
  /** Not shown until somebody chooses it. */
  hidden?: boolean;
  /** Shown on a telephone too. */
  narrow?: boolean;
  right?: boolean;
}

/** What a row tells the table of; the same for all rows, and for as long as the table lives. */
export interface RowEvents {
  choose: (key: string, on: boolean) => void;
  menu: (key: string, button: HTMLButtonElement) => void;
  /** A link was clicked. */
  follow: (event: MouseEvent<HTMLAnchorElement>) => void;
}

interface Properties<T> {
  id: string;
  row: T;
  rowKey: string;
  place: number;
  /** Which of the rows in the page this is, whatever it shows. */
  slot: number;
  columns: readonly Column<T>[];
  to: string | undefined;
  /** Whether the row is ticked; `null` where rows cannot be. */
  chosen: boolean | null;
  /** `null` where no row has a menu, `false` where this one has nothing in it. */
  menu: boolean | null;
  open: boolean;
  events: RowEvents;
}

/** A text of more letters than this may be cut short, and is told whole under the mouse. */
const LONG = 14;

/**
 * One row. Long lists are scrolled, sorted and filtered at the speed at which rows are made, so a row has no component
 * in it but those of its values; its links and its menu are the table's.
 */
function PlainRow<T>({ id, row, rowKey, place, slot, columns, to, chosen, menu, open, events }: Properties<T>) {
  return (
    <tr role="row" className={chosen === true ? 'al-chosen' : undefined} aria-rowindex={place} data-slot={slot}>
      {chosen !== null && (
        <td role="cell" className="al-tick">
          <input
            className="pf-v6-c-check__input"
            type="checkbox"
            id={`${id}-${rowKey}`}
            aria-label={texts.table.choose}
            checked={chosen}
            onChange={({ currentTarget }) => events.choose(rowKey, currentTarget.checked)}
          />
        </td>
      )}
      {columns.map((column, index) => {
        const content = column.render?.(row) ?? column.value(row);
        const long = typeof content === 'string' && content.length > LONG ? content : undefined;
        return (
          <td key={column.key} role="cell" title={long} className={column.right === true ? 'al-right' : undefined}>
            {index === 0 && to !== undefined ? <a href={to} onClick={events.follow}>{content}</a> : content}
          </td>
        );
      })}
      {menu !== null && (
        <td role="cell" className="al-kebab">
          {menu && (
            <button
              type="button"
              aria-label={texts.table.actionsOn(String(columns[0]?.value(row) ?? rowKey))}
              aria-haspopup="menu"
              aria-expanded={open}
              onClick={({ currentTarget }) => events.menu(rowKey, currentTarget)}
            >
              <EllipsisVIcon />
            </button>
          )}
        </td>
      )}
    </tr>
  );
}

export const ResourceRow = memo(PlainRow) as typeof PlainRow;
