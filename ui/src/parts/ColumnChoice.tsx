import { Menu, MenuContent, MenuItem, MenuList, MenuToggle, Popper } from '@patternfly/react-core';
import ColumnsIcon from '@patternfly/react-icons/dist/esm/icons/columns-icon';
import { memo, useRef, useState } from 'react';

import { texts } from '../texts';
import type { Column } from './ResourceRow';

/** Which columns somebody has shown or hidden, by key. */
export type ShownColumns = Record<string, boolean>;

/** Whether a column is shown, where the window is wide enough. */
export function isShown({ key, hidden }: Pick<Column<never>, 'key' | 'hidden'>, shown: ShownColumns): boolean {
  return shown[key] ?? hidden !== true;
}

/** The choice of columns; the first one is always there. */
function PlainChoice<T>({ columns, shown, setShown }: {
  columns: readonly Column<T>[];
  shown: ShownColumns;
  setShown: (shown: ShownColumns) => void;
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
          if (column !== undefined) setShown({ ...shown, [column.key]: !isShown(column, shown) });
        }}>
          <MenuContent>
            <MenuList>
              {columns.slice(1).map((column) => (
                <MenuItem key={column.key} itemId={column.key} hasCheckbox isSelected={isShown(column, shown)}>{column.title}</MenuItem>
              ))}
            </MenuList>
          </MenuContent>
        </Menu>
      }
    />
  );
}

export const ColumnChoice = memo(PlainChoice) as typeof PlainChoice;
