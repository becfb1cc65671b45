import { dateTime } from '../../model/format';
import type { RowAction } from '../../parts/ResourceTable';
import { askAction, type Dialogs, formAction } from '../../parts/rowActions';
import { usePlaneChange } from '../../parts/useChange';
import { texts } from '../../texts';

const t = texts.backups;

/** What brings a customer back from something that holds it: as it was then, or at a later moment; `from` says to the plane what that is. */
export function useRestoreActions<T extends { customer: string; made: string }>(dialogs: Dialogs, from: (row: T) => Record<string, string>): RowAction<T>[] {
  const change = usePlaneChange();
  const called = ({ customer, made }: T) => `${customer}, ${dateTime(made)}`;
  const restore = (row: T, moment: { at?: string }) => change('POST', '/restores', { customer: row.customer, ...from(row), ...moment }, 'backup', 'customer');
  return [
    formAction<T>(dialogs, {
      key: 'at', title: t.restoreAt, danger: true, called, lead: t.restoreWill,
      fields: ({ customer, made }) => [
        { name: 'at', title: t.moment, kind: 'datetime-local', required: true, help: t.momentHelp(dateTime(made)) },
        { name: 'typed', title: texts.confirm.type(customer), required: true },
      ],
      check: ({ typed }, { customer }) => (!typed || typed === customer ? undefined : texts.confirm.differs),
      send: (row, { at = '' }) => restore(row, { at: new Date(at).toISOString() }),
    }),
    askAction<T>(dialogs, { key: 'restore', title: t.restore, called, will: t.restoreWill, typed: ({ customer }) => customer, send: (row) => restore(row, {}) }),
  ];
}
