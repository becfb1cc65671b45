import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import axe from 'axe-core';
import { useState } from 'react';
import { describe, expect, it } from 'vitest';

import type { Values } from './FormDialog';
import { type Cell, RowsEditor } from './RowsEditor';

const CELLS: Cell[] = [
  { name: 'name', title: 'Name' },
  { name: 'by', title: 'By', kind: 'select', choices: [{ value: 'a', title: 'A' }, { value: 'b', title: 'B' }] },
  { name: 'on', title: 'On', kind: 'tick' },
];

function show(initial: Values[], ordered = true) {
  let rows: readonly Values[] = initial;
  function Editor() {
    const [held, setHeld] = useState<readonly Values[]>(initial);
    return (
      <RowsEditor
        rows={held}
        cells={CELLS}
        set={(next) => { rows = next; setHeld(next); }}
        title={(number) => `Rule ${number}`}
        add="Add rule"
        initial={{ name: '', by: 'b' }}
        ordered={ordered}
      />
    );
  }
  return { ...render(<Editor />), rows: () => rows };
}

describe('an editor of rows', () => {
  it('changes the row that was typed into alone', async () => {
    const { rows } = show([{ name: 'one', by: 'a' }, { name: '', by: 'a' }]);
    const user = userEvent.setup();
    await user.type(screen.getAllByLabelText('Name')[1] as HTMLElement, 'two');
    await user.selectOptions(screen.getAllByLabelText('By')[1] as HTMLElement, 'b');
    await user.click(screen.getAllByLabelText('On')[1] as HTMLElement);
    expect(rows()).toEqual([{ name: 'one', by: 'a' }, { name: 'two', by: 'b', on: 'true' }]);
    await user.click(screen.getAllByLabelText('On')[1] as HTMLElement);
    expect(rows()[1]?.on).toBe('');
  });

  it('adds, moves and takes out', async () => {
    const { rows } = show([{ name: 'one' }]);
    const user = userEvent.setup();
    await user.click(screen.getByText('Add rule'));
    expect(rows()).toEqual([{ name: 'one' }, { name: '', by: 'b' }]);
    await user.click(screen.getByLabelText('Move Rule 2 up'));
    expect(rows().map(({ name }) => name)).toEqual(['', 'one']);
    await user.click(screen.getByLabelText('Remove Rule 1'));
    expect(rows()).toEqual([{ name: 'one' }]);
    expect(screen.getByLabelText<HTMLButtonElement>('Move Rule 1 down').disabled).toBe(true);
  });

  it('offers no moving where order does not count, and keeps a choice that is no more', () => {
    show([{ name: 'one', by: 'gone' }], false);
    expect(screen.queryByLabelText('Move Rule 1 up')).toBeNull();
    expect(screen.getByLabelText<HTMLSelectElement>('By').value).toBe('gone');
  });

  it('is accessible', async () => {
    const { container } = show([{ name: 'one', by: 'a' }]);
    const { violations } = await axe.run(container, { rules: { region: { enabled: false } } });
    expect(violations.map(({ id }) => id)).toEqual([]);
  });
});
