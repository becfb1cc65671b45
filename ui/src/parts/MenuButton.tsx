import { Dropdown, DropdownItem, DropdownList, MenuToggle, type MenuToggleElement } from '@patternfly/react-core';
import EllipsisVIcon from '@patternfly/react-icons/dist/esm/icons/ellipsis-v-icon';
import { type ReactNode, useState } from 'react';

export interface MenuEntry {
  key: string;
  title: ReactNode;
  description?: string;
  danger?: boolean;
  disabled?: boolean;
  run: () => void;
}

/** A button that opens a menu; without `title` it is the three dots of a row. */
export function MenuButton({ entries, title, label, primary, disabled }: {
  entries: readonly MenuEntry[];
  title?: ReactNode;
  /** What the button is called for those who cannot see it. */
  label: string;
  primary?: boolean;
  disabled?: boolean;
}) {
  const [open, setOpen] = useState(false);
  return (
    <Dropdown
      isOpen={open}
      onOpenChange={setOpen}
      popperProps={{ position: 'right', appendTo: () => document.body }}
      isScrollable
      toggle={(ref: React.Ref<MenuToggleElement>) => (
        <MenuToggle
          ref={ref}
          aria-label={title === undefined || typeof title !== 'string' ? label : undefined}
          variant={title === undefined ? 'plain' : primary === true ? 'primary' : 'secondary'}
          isExpanded={open}
          isDisabled={disabled === true || entries.length === 0}
          onClick={() => setOpen(!open)}
          icon={title === undefined ? <EllipsisVIcon /> : undefined}
        >
          {title}
        </MenuToggle>
      )}
    >
      {open && (
        <DropdownList>
          {entries.map(({ key, title: text, description, danger, disabled: off, run }) => (
            <DropdownItem
              key={key}
              isDanger={danger}
              isDisabled={off}
              description={description}
              onClick={() => {
                setOpen(false);
                run();
              }}
            >
              {text}
            </DropdownItem>
          ))}
        </DropdownList>
      )}
    </Dropdown>
  );
}
