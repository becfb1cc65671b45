import { SearchInput, Skeleton } from '@patternfly/react-core';
import { useId, useState } from 'react';

import { texts } from '../texts';

export interface PickRow {
  id: string;
  name: string;
  cells: string[];
  disabled?: boolean;
}

const MANY = 8;

/** Choose one or many of a short list, with what tells them apart. */
export function Picker({ label, rows, chosen, onChoose, many = false, none }: {
  label: string;
  rows: readonly PickRow[] | undefined;
  chosen: readonly string[];
  onChoose: (row: PickRow) => void;
  many?: boolean;
  none: string;
}) {
  const name = useId();
  const [text, setText] = useState('');
  if (rows === undefined) return <Skeleton />;
  const shown = rows.filter((row) => `${row.name} ${row.cells.join(' ')}`.toLowerCase().includes(text.toLowerCase()));
  return (
    <div className="al-stack al-tight">
      {rows.length > MANY && (
        <SearchInput aria-label={texts.create.filter} placeholder={texts.create.filter} value={text} onChange={(_event, value) => setText(value)} onClear={() => setText('')} />
      )}
      {rows.length === 0 && none !== '' && <p className="al-quiet">{none}</p>}
      {rows.length > 0 && (
        <div className="al-pick" role={many ? 'group' : 'radiogroup'} aria-label={label}>
          {shown.map((row) => (
            <label key={row.id}>
              <input
                type={many ? 'checkbox' : 'radio'}
                name={name}
                checked={chosen.includes(row.id)}
                disabled={row.disabled}
                onChange={() => onChoose(row)}
              />
              <span className="al-cell">{row.name}</span>
              {row.cells.map((cell, place) => <span key={place} className={place > 1 ? 'al-quiet al-cell al-more' : 'al-quiet al-cell'}>{cell}</span>)}
            </label>
          ))}
        </div>
      )}
    </div>
  );
}
