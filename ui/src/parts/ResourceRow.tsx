import EllipsisVIcon from '@patternfly/react-icons/dist/esm/icons/ellipsis-v-icon';
import { memo, type ReactNode } from 'react';
import { Link } from 'react-router';

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
}

interface Properties<T> {
  id: string;
  row: T;
  rowKey: string;
  place: number;
  columns: readonly Column<T>[];
  to: string | undefined;
  /** Whether the row is ticked; `null` where rows cannot be. */
  chosen: boolean | null;
  /** `null` where no row has a menu, `false` where this one has nothing in it. */
  menu: boolean | null;
  open: boolean;
  events: RowEvents;
}

/**
 * One row. Long lists are scrolled, sorted and filtered at the speed at which rows are made, so a row is PatternFly's
 * markup without its components, and its menu is the table's.
 */
function PlainRow<T>({ id, row, rowKey, place, columns, to, chosen, menu, open, events }: Properties<T>) {
  return (
    <tr className={`pf-v6-c-table__tr${chosen === true ? ' pf-m-selected' : ''}`} aria-rowindex={place}>
      {chosen !== null && (
        <td className="pf-v6-c-table__td al-tick">
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
        return (
          <td key={column.key} className={`pf-v6-c-table__td al-cell${column.right === true ? ' al-right' : ''}`}>
            {index === 0 && to !== undefined ? <Link to={to}>{content}</Link> : content}
          </td>
        );
      })}
      {menu !== null && (
        <td className="pf-v6-c-table__td al-kebab">
          {menu && (
            <button
              type="button"
              className={`pf-v6-c-menu-toggle pf-m-plain${open ? ' pf-m-expanded' : ''}`}
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
