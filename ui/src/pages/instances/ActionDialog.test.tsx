import { screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, describe, expect, it, vi } from 'vitest';

import type { InstanceAction } from '../../model/instanceActions';
import { forgetTasks } from '../../shell/tasks';
import { answering, showPage } from '../../testing/pages';
import { aServer } from '../../testing/servers';
import { ActionDialog } from './ActionDialog';

afterEach(() => {
  vi.unstubAllGlobals();
  forgetTasks();
});

const HOST = { id: '1', binary: 'nova-compute', host: 'h2', zone: 'nova', status: 'enabled', state: 'up', disabled_reason: null, forced_down: false, updated_at: '' };

/** What is sent when an action is chosen, its fields are filled in and it is confirmed. */
async function sent(action: InstanceAction, button: string, fill: (user: ReturnType<typeof userEvent.setup>) => Promise<void> = () => Promise.resolve()) {
  const bodies: unknown[] = [];
  const asked = answering((method, path, body) => {
    if (method !== 'GET' && body !== undefined) bodies.push(body);
    return path.endsWith('/migrations') ? { migrations: [{ id: 7 }] } : { server: aServer(), services: [HOST], availabilityZoneInfo: [{ zoneName: 'north', zoneState: { available: true } }] };
  });
  const close = vi.fn();
  showPage(<ActionDialog action={action} servers={[aServer()]} close={close} />);
  const user = userEvent.setup();
  await fill(user);
  await user.click(screen.getByRole('button', { name: button }));
  await vi.waitFor(() => expect(close).toHaveBeenCalled());
  return { asked, bodies };
}

describe('what an action asks Nova for', () => {
  it('is a lock with its reason', async () => {
    const { bodies } = await sent('lock', 'Lock', (user) => user.type(screen.getByLabelText('Reason'), 'audit'));
    expect(bodies).toEqual([{ lock: { locked_reason: 'audit' } }]);
  });
  it('is a backup of a kind, of which some are kept', async () => {
    expect((await sent('backup', 'Back up as an image')).bodies).toEqual([{ createBackup: { name: 'web-1-backup', backup_type: 'daily', rotation: 7 } }]);
  });
  it('is a cold migration to the host that was chosen', async () => {
    const { bodies } = await sent('migrate', 'Migrate', async (user) => {
      await screen.findByRole('option', { name: 'h2' });
      await user.selectOptions(screen.getByLabelText('Host'), 'h2');
    });
    expect(bodies).toEqual([{ migrate: { host: 'h2' } }]);
  });
  it('is to unshelve in the zone, and on the host, that were chosen', async () => {
    const { bodies } = await sent('unshelveAt', 'Unshelve at …', async (user) => {
      await screen.findByRole('option', { name: 'north' });
      await user.selectOptions(screen.getByLabelText('Availability zone'), 'north');
      await screen.findByRole('option', { name: 'h2' });
      await user.selectOptions(screen.getByLabelText('Host'), 'h2');
    });
    expect(bodies).toEqual([{ unshelve: { availability_zone: 'north', host: 'h2' } }]);
  });
  it('ends the live migration that runs', async () => {
    expect((await sent('abortMigration', 'Abort live migration')).asked).toContain('DELETE /os/r1/compute/v2.1/servers/i-1/migrations/7');
  });
  it('completes it', async () => {
    const { asked, bodies } = await sent('completeMigration', 'Complete live migration now');
    expect(asked).toContain('POST /os/r1/compute/v2.1/servers/i-1/migrations/7/action');
    expect(bodies).toEqual([{ force_complete: null }]);
  });
});
