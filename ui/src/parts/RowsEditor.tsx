import { Button, Checkbox, FormGroup, FormSelect, FormSelectOption, TextInput } from '@patternfly/react-core';
import ArrowDownIcon from '@patternfly/react-icons/dist/esm/icons/arrow-down-icon';
import ArrowUpIcon from '@patternfly/react-icons/dist/esm/icons/arrow-up-icon';
import PlusCircleIcon from '@patternfly/react-icons/dist/esm/icons/plus-circle-icon';
import TrashIcon from '@patternfly/react-icons/dist/esm/icons/trash-icon';
import { useId } from 'react';

import { texts } from '../texts';
import type { Choice, Values } from './FormDialog';

/** A field of every row. A tick is `'true'` or empty. */
export interface Cell {
  name: string;
  title: string;
  kind?: 'text' | 'number' | 'select' | 'tick';
  choices?: readonly Choice[];
  placeholder?: string;
  required?: boolean;
}

/** Several of the same: each a small form; to be added, taken out and, where their order counts, moved. */
export function RowsEditor({ rows, cells, set, title, add, initial, ordered }: {
  rows: readonly Values[];
  cells: readonly Cell[];
  set: (rows: Values[]) => void;
  /** What one is called, by its number from 1. */
  title: (number: number) => string;
  /** What the button says that adds one. */
  add: string;
  initial: Values;
  ordered?: boolean;
}) {
  const put = (place: number, row: Values) => set(rows.map((each, index) => (index === place ? row : each)));
  const move = (from: number, to: number) => {
    const next = [...rows];
    next.splice(to, 0, ...next.splice(from, 1));
    set(next);
  };
  return (
    <div className="al-stack">
      {rows.map((row, place) => (
        <fieldset key={place} className="al-entry">
          <legend>{title(place + 1)}</legend>
          <div className="al-entry-tools">
            {ordered === true && (
              <>
                <Button variant="plain" icon={<ArrowUpIcon />} aria-label={texts.rows.up(title(place + 1))} isDisabled={place === 0} onClick={() => move(place, place - 1)} />
                <Button variant="plain" icon={<ArrowDownIcon />} aria-label={texts.rows.down(title(place + 1))} isDisabled={place === rows.length - 1} onClick={() => move(place, place + 1)} />
              </>
            )}
            <Button variant="plain" icon={<TrashIcon />} aria-label={texts.rows.remove(title(place + 1))} onClick={() => set(rows.filter((_, index) => index !== place))} />
          </div>
          <Fields cells={cells} row={row} set={(next) => put(place, next)} />
        </fieldset>
      ))}
      <div><Button variant="link" icon={<PlusCircleIcon />} onClick={() => set([...rows, initial])}>{add}</Button></div>
    </div>
  );
}

/** The fields of one row. */
export function Fields({ cells, row, set }: { cells: readonly Cell[]; row: Values; set: (row: Values) => void }) {
  const id = useId();
  return (
    <div className="al-fields">
      {cells.map((cell) => (
        <CellOf key={cell.name} id={`${id}-${cell.name}`} cell={cell} value={row[cell.name] ?? ''} set={(value) => set({ ...row, [cell.name]: value })} />
      ))}
    </div>
  );
}

function CellOf({ id, cell: { title, kind = 'text', choices = [], placeholder, required }, value, set }: {
  id: string;
  cell: Cell;
  value: string;
  set: (value: string) => void;
}) {
  if (kind === 'tick') return <Checkbox id={id} label={title} isChecked={value === 'true'} onChange={(_event, on) => set(on ? 'true' : '')} />;
  const known = kind !== 'select' || choices.some((choice) => choice.value === value);
  return (
    <FormGroup label={title} fieldId={id} isRequired={required}>
      {kind === 'select' ? (
        <FormSelect id={id} value={value} onChange={(_event, next) => set(next)}>
          {[...(known ? [] : [{ value, title: value }]), ...choices].map((choice) => <FormSelectOption key={choice.value} value={choice.value} label={choice.title} />)}
        </FormSelect>
      ) : (
        <TextInput id={id} type={kind} value={value} placeholder={placeholder} autoComplete="off" onChange={(_event, next) => set(next)} />
      )}
    </FormGroup>
  );
}
