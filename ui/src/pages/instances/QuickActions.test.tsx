import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';

import type { InstanceAction } from '../../model/instanceActions';
import { QuickActions } from './QuickActions';

const NEXT = 'Next';

describe('the quick buttons of an instance', () => {
  it('keep the focus when what was pressed is no longer offered, and go when the focus does', async () => {
    const user = userEvent.setup();
    const start = vi.fn();
    const buttons = (offered: InstanceAction[]) => <><QuickActions offered={offered} start={start} /><button type="button">{NEXT}</button></>;
    const { rerender } = render(buttons(['start']));
    await user.tab();
    await user.keyboard('{Enter}');
    expect(start).toHaveBeenCalledWith('start');
    rerender(buttons([]));
    const button = screen.getByRole('button', { name: 'Start' });
    expect(document.activeElement).toBe(button);
    expect(button.getAttribute('aria-disabled')).toBe('true');
    await user.keyboard('{Enter}');
    expect(start).toHaveBeenCalledTimes(1);
    await user.tab();
    expect(document.activeElement?.textContent).toBe(NEXT);
    expect(screen.queryByRole('button', { name: 'Start' })).toBeNull();
  });
});
