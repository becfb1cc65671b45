import type { ReactNode } from 'react';

import { texts } from '../texts';
import { each } from './each';
import { ConfirmDialog, type Field, FormDialog, type Values } from './FormDialog';
import type { RowAction } from './ResourceTable';
import type { useDialog } from './useChange';

/** Where an action shows its dialogue. */
export type Dialogs = Pick<ReturnType<typeof useDialog>, 'open' | 'close'>;

/** An action that asks for something in a form first. */
export function formAction<T>({ open, close }: Dialogs, { key, title, called, when, danger, action, lead, fields, check, send, below }: {
  key: string;
  title: string;
  called: (row: T) => string;
  when?: (row: T) => boolean;
  danger?: boolean;
  /** What the button says; the title when it is left out. */
  action?: string;
  lead?: ReactNode;
  fields: (row: T) => readonly Field[];
  /** What is wrong with the values, or nothing. */
  check?: (values: Values, row: T) => string | undefined;
  send: (row: T, values: Values) => Promise<unknown>;
  /** Below the fields. */
  below?: (row: T) => ReactNode;
}): RowAction<T> {
  return {
    key, title, danger, when,
    run: ([row]) => row !== undefined && open(
      <FormDialog
        title={`${title}: ${called(row)}`}
        action={action ?? title}
        danger={danger}
        lead={lead}
        fields={fields(row)}
        check={check === undefined ? undefined : (values) => check(values, row)}
        close={close}
        send={(values) => send(row, values)}
      >
        {below === undefined ? undefined : () => below(row)}
      </FormDialog>,
    ),
  };
}

/** An action that says what will happen and asks whether it shall. */
export function askAction<T>({ open, close }: Dialogs, { key, title, called, when, bulk, typed, will, send }: {
  key: string;
  title: string;
  called: (row: T) => string;
  when?: (row: T) => boolean;
  bulk?: boolean;
  /** What has to be typed first. */
  typed?: (row: T) => string;
  will: ReactNode | ((rows: readonly T[]) => ReactNode);
  send: (row: T) => Promise<unknown>;
}): RowAction<T> {
  return {
    key, title, danger: true, bulk, when,
    run: (rows) => {
      const [first] = rows;
      if (first === undefined) return;
      open(
        <ConfirmDialog
          title={texts.confirm.ask(title, rows.map(called).join(', '))}
          action={title}
          typed={typed?.(first)}
          close={close}
          send={() => each(rows, called, send)}
        >
          {typeof will === 'function' ? will(rows) : will}
        </ConfirmDialog>,
      );
    },
  };
}

/** The action that deletes. */
export function deleteAction<T>(dialogs: Dialogs, options: Omit<Parameters<typeof askAction<T>>[1], 'key' | 'title'>): RowAction<T> {
  return askAction(dialogs, { key: 'delete', title: texts.actions.delete, ...options });
}
