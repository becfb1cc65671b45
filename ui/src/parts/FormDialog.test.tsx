import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';

import { type Choice, FormDialog, type Values } from './FormDialog';

const EXTERNAL: Choice = { value: 'x', title: 'External' };
const NONE: Choice = { value: '', title: 'None' };

function show() {
  const sent: Values[] = [];
  const dialog = (choices: Choice[]) => (
    <FormDialog
      title="Create router"
      action="Create"
      close={() => undefined}
      send={async (values) => { sent.push(values); return Promise.resolve(); }}
      fields={[{ name: 'name', title: 'Name', required: true }, { name: 'gateway', title: 'Gateway', kind: 'select', choices }]}
    />
  );
  const { rerender } = render(dialog([NONE]));
  return { sent, choose: (choices: Choice[]) => rerender(dialog(choices)) };
}

describe('a form', () => {
  it('keeps what was typed when its choices come later, and takes the first of them', async () => {
    const user = userEvent.setup();
    const { sent, choose } = show();
    await user.type(screen.getByLabelText(/Name/), 'r1');
    choose([EXTERNAL, NONE]);
    await user.click(screen.getByRole('button', { name: 'Create' }));
    expect(sent).toEqual([{ name: 'r1', gateway: 'x' }]);
  });

  it('does not send a choice that is gone', async () => {
    const user = userEvent.setup();
    const { sent, choose } = show();
    choose([EXTERNAL, NONE]);
    await user.type(screen.getByLabelText(/Name/), 'r1');
    await user.selectOptions(screen.getByLabelText('Gateway'), 'x');
    choose([NONE]);
    await user.click(screen.getByRole('button', { name: 'Create' }));
    expect(sent).toEqual([{ name: 'r1', gateway: '' }]);
  });
});
