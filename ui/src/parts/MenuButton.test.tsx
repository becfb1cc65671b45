import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';

import { FormDialog } from './FormDialog';
import { MenuButton } from './MenuButton';
import { useDialog } from './useChange';

function Page() {
  const { dialog, open, close } = useDialog();
  const rename = () => open(<FormDialog title="Rename" action="Save" close={close} fields={[{ name: 'name', title: 'Name' }]} send={() => Promise.resolve()} />);
  return <>{dialog}<MenuButton label="Actions" title="Actions" entries={[{ key: 'rename', title: 'Rename', run: rename }]} /></>;
}

describe('a menu', () => {
  it('is opened, left and acted upon by the keyboard; its button has the focus when all is done', async () => {
    const user = userEvent.setup();
    render(<Page />);
    const button = screen.getByRole('button', { name: 'Actions' });
    button.focus();
    await user.keyboard('{Enter}');
    await waitFor(() => expect(document.activeElement?.textContent).toBe('Rename'));
    await user.keyboard('{Escape}');
    await waitFor(() => expect(document.activeElement).toBe(button));
    expect(screen.queryByRole('menu')).toBeNull();
    await user.keyboard('{Enter}');
    await waitFor(() => expect(document.activeElement?.textContent).toBe('Rename'));
    await user.keyboard('{Enter}');
    await screen.findByRole('dialog');
    await user.keyboard('{Escape}');
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    expect(document.activeElement).toBe(button);
  });

  it('keeps the focus on its button while there is nothing to choose, and does not open', async () => {
    const user = userEvent.setup();
    const entry = { key: 'reboot', title: 'Reboot', run: () => undefined };
    const { rerender } = render(<MenuButton label="Power" title="Power" entries={[entry]} />);
    const button = screen.getByRole('button', { name: 'Power' });
    button.focus();
    await user.keyboard('{Enter}');
    await waitFor(() => expect(document.activeElement?.textContent).toBe('Reboot'));
    rerender(<MenuButton label="Power" title="Power" entries={[]} />);
    await waitFor(() => expect(document.activeElement).toBe(button));
    expect(button.getAttribute('aria-disabled')).toBe('true');
    await user.keyboard('{Enter}');
    expect(screen.queryByRole('menu')).toBeNull();
    rerender(<MenuButton label="Power" title="Power" entries={[entry]} />);
    expect(document.activeElement).toBe(button);
    await user.keyboard('{Enter}');
    await waitFor(() => expect(document.activeElement?.textContent).toBe('Reboot'));
  });
});
