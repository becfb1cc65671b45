import { Dropdown, DropdownItem, DropdownList, MenuToggle, type MenuToggleElement } from '@patternfly/react-core';
import { type ReactNode, useEffect, useMemo, useState } from 'react';

export interface MenuEntry {
  key: string;
  title: ReactNode;
  description?: string;
  danger?: boolean;
  disabled?: boolean;
  run: () => void;
}

const POPPER = { position: 'right', appendTo: () => document.body } as const;

/** A button that opens a menu. */
export function MenuButton({ entries, title, label, primary, disabled }: {
  entries: readonly MenuEntry[];
  title: ReactNode;
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
      popperProps={POPPER}
      isScrollable
      shouldFocusFirstItemOnOpen
      toggle={(ref: React.Ref<MenuToggleElement>) => (
        <MenuToggle
          ref={ref}
          aria-label={typeof title === 'string' ? undefined : label}
          variant={primary === true ? 'primary' : 'secondary'}
          isExpanded={open}
          isDisabled={disabled === true || entries.length === 0}
          onClick={() => setOpen(!open)}
        >
          {title}
        </MenuToggle>
      )}
    >
      {open && <Entries entries={entries} close={() => setOpen(false)} />}
    </Dropdown>
  );
}

/**
 * The menu of a button that is elsewhere, for as long as it is there. It opens once it is in the page: PatternFly places a
 * menu when it opens, and one that was open from the start would stay in the window's corner.
 */
export function MenuAt({ button, entries, close }: {
  button: HTMLButtonElement;
  entries: readonly MenuEntry[];
  close: () => void;
}) {
  const [open, setOpen] = useState(false);
  useEffect(() => setOpen(true), []);
  const toggle = useMemo(() => ({ toggleNode: null, toggleRef: { current: button } }), [button]);
  return (
    <Dropdown
      isOpen={open}
      onOpenChange={close}
      popperProps={POPPER}
      isScrollable
      shouldFocusFirstItemOnOpen
      toggle={toggle}
    >
      <Entries entries={entries} close={close} />
    </Dropdown>
  );
}

function Entries({ entries, close }: { entries: readonly MenuEntry[]; close: () => void }) {
  return (
    <DropdownList>
      {entries.map(({ key, title, description, danger, disabled, run }) => (
        <DropdownItem
          key={key}
          isDanger={danger}
          isDisabled={disabled}
          description={description}
          onClick={() => {
            close();
            run();
          }}
        >
          {title}
        </DropdownItem>
      ))}
    </DropdownList>
  );
}
