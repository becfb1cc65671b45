import { screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { TaskBar } from '../shell/TaskBar';
import { Toasts } from '../shell/Notices';
import { forgetTasks } from '../shell/tasks';
import { answering, Refused, showPage } from '../testing/pages';
import { aServer } from '../testing/servers';
import Instances from './Instances';

afterEach(() => {
  vi.unstubAllGlobals();
  forgetTasks();
});

const SERVERS = ['web', 'db', 'mail'].map((name) => aServer({ id: `i-${name}`, name, 'OS-EXT-STS:vm_state': 'stopped', status: 'SHUTOFF' }));

function show(refused: string[]): string[] {
  const asked = answering((method, path) => {
    if (method === 'POST' && refused.some((id) => path.includes(id))) return new Refused(409, { conflictingRequest: { code: 409, message: `No start for ${path.split('/')[6] ?? ''}.` } });
    if (path.includes('/servers/detail')) return { servers: SERVERS };
    return { images: [], server: SERVERS[0] };
  });
  showPage(<><Instances /><Toasts /><TaskBar /></>);
  return asked;
}

describe('the list of instances', () => {
  it('tells of each that Nova refuses, and does the rest', async () => {
    const user = userEvent.setup();
    const asked = show(['i-db', 'i-mail']);
    await screen.findByText('3');
    await user.click(screen.getByLabelText('Select all'));
    await user.click(screen.getByText('3 selected'));
    await user.click(within(await screen.findByRole('menu')).getByText('Start'));
    expect(await screen.findByText(/No start for i-db\./)).toBeTruthy();
    expect(await screen.findByText(/No start for i-mail\./)).toBeTruthy();
    expect(screen.getByText('Start: db')).toBeTruthy();
    expect(screen.queryByText('Start: web')).toBeNull();
    expect(asked.filter((one) => one.endsWith('/action')).length).toBe(3);
  });
});
