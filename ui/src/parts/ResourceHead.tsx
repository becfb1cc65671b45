import { Checkbox } from '@patternfly/react-core';
import { Th, Thead, Tr } from '@patternfly/react-table';
import { memo } from 'react';

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

/** The headings: a click sorts up, another one down, a third as it was. */
function PlainHead<T>({ id, columns, order, setQuery, chosen, chooseAll, menus }: Properties<T>) {
  const sortBy = {
    index: columns.findIndex(({ key }) => key === order?.key),
    direction: order?.descending === true ? 'desc' as const : 'asc' as const,
  };
  return (
    <Thead>
      <Tr>
        {chosen !== undefined && (
          <Th className="al-tick" aria-label={texts.table.choose}>
            <Checkbox id={`${id}-all`} aria-label={texts.table.chooseAll} isChecked={chosen} onChange={(_event, on) => chooseAll(on)} />
          </Th>
        )}
        {columns.map(({ key, title, right }, columnIndex) => (
          <Th
            key={key}
            className={right === true ? 'al-right' : undefined}
            sort={{
              columnIndex,
              sortBy,
              onSort: () => setQuery({ sort: order?.key !== key ? key : order.descending ? '' : `-${key}` }),
            }}
          >
            {title}
          </Th>
        ))}
        {menus && <Th className="al-kebab" screenReaderText={texts.table.actions} />}
      </Tr>
    </Thead>
  );
}

export const ResourceHead = memo(PlainHead) as typeof PlainHead;
