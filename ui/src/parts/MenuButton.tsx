import { Dropdown, DropdownItem, DropdownList, MenuToggle } from '@patternfly/react-core';
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';

export interface MenuEntry {
  key: string;
  title: ReactNode;
  description?: string;
  danger?: boolean;
  disabled?: boolean;
  run: () => void;
}

const POPPER = { position: 'right', appendTo: () => document.body } as const;

/**
 * A button that opens a menu. Without entries it stays in its place and can have the focus, which would otherwise be lost
 * each time that an action leaves nothing to choose for a moment.
 */
export function MenuButton({ entries, title, label, primary, disabled }: {
  entries: readonly MenuEntry[];
  title: ReactNode;
  /** What the button is called for those who cannot see it. */
  label: string;
  primary?: boolean;
  disabled?: boolean;
}) {
  const [asked, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const usable = disabled !== true && entries.length > 0;
  const open = asked && usable;
  useEffect(() => {
    if (!asked || usable) return;
    setOpen(false);
    button.current?.focus();
  }, [asked, usable]);
  const toggle = (
    <MenuToggle
      ref={button}
      aria-label={typeof title === 'string' ? undefined : label}
      variant={primary === true ? 'primary' : 'secondary'}
      isExpanded={open}
      isDisabled={!usable}
      disabled={false}
      aria-disabled={!usable}
      onClick={() => setOpen(usable && !open)}
    >
      {title}
    </MenuToggle>
  );
  return (
    <Dropdown
      isOpen={open}
      onOpenChange={setOpen}
      popperProps={POPPER}
      isScrollable
      shouldFocusFirstItemOnOpen
      toggle={{ toggleNode: toggle, toggleRef: button }}
    >
      {open && <Entries entries={entries} close={() => { setOpen(false); button.current?.focus(); }} />}
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
      <Entries entries={entries} close={() => { close(); button.focus(); }} />
    </Dropdown>
  );
}

/** What a menu holds. `close` gives the focus back to its button: a dialogue that an entry opens gives it back to there. */
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
