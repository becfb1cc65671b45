import ArrowsAltVIcon from '@patternfly/react-icons/dist/esm/icons/arrows-alt-v-icon';
import LongArrowAltDownIcon from '@patternfly/react-icons/dist/esm/icons/long-arrow-alt-down-icon';
import LongArrowAltUpIcon from '@patternfly/react-icons/dist/esm/icons/long-arrow-alt-up-icon';
import { memo, useEffect, useRef } from 'react';

import type { Order } from '../model/rows';
import { texts } from '../texts';
import type { ChangeQuery } from './addressQuery';
import type { Column } from './ResourceRow';

interface Properties<T> {
  id: string;
  columns: readonly Column<T>[];
  order: Order | null;
  setQuery: ChangeQuery;
  /** Whether all rows are ticked, some (`null`) or none; `undefined` where rows cannot be. */
  chosen: boolean | null | undefined;
  chooseAll: (on: boolean) => void;
  menus: boolean;
}

/** The headings: a click sorts up, another one down, a third as it was. PatternFly's would measure themselves each time. */
function PlainHead<T>({ id, columns, order, setQuery, chosen, chooseAll, menus }: Properties<T>) {
  return (
    <thead role="rowgroup">
      <tr role="row">
        {chosen !== undefined && <th role="columnheader" className="al-tick" aria-label={texts.table.choose}><All id={id} chosen={chosen} choose={chooseAll} /></th>}
        {columns.map(({ key, title, right }) => {
          const by = order?.key !== key ? null : order.descending ? 'descending' : 'ascending';
          const Arrow = by === null ? ArrowsAltVIcon : by === 'ascending' ? LongArrowAltUpIcon : LongArrowAltDownIcon;
          return (
            <th key={key} role="columnheader" className={right === true ? 'al-right' : undefined} aria-sort={by ?? undefined}>
              <button type="button" onClick={() => setQuery({ sort: by === null ? key : by === 'descending' ? '' : `-${key}` })}>
                {title} <Arrow />
              </button>
            </th>
          );
        })}
        {menus && <th role="columnheader" className="al-kebab"><span className="pf-v6-screen-reader">{texts.table.actions}</span></th>}
      </tr>
    </thead>
  );
}

export const ResourceHead = memo(PlainHead) as typeof PlainHead;

/** Ticks all rows, or none. */
function All({ id, chosen, choose }: { id: string; chosen: boolean | null; choose: (on: boolean) => void }) {
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => { if (box.current !== null) box.current.indeterminate = chosen === null; }, [chosen]);
  return (
    <input
      ref={box}
      className="pf-v6-c-check__input"
      type="checkbox"
      id={`${id}-all`}
      aria-label={texts.table.chooseAll}
      checked={chosen === true}
      onChange={({ currentTarget }) => choose(currentTarget.checked)}
    />
  );
}
