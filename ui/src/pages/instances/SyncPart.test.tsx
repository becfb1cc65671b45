import { screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, describe, expect, it, vi } from 'vitest';

import type { SyncDetail } from '../../api/plane';
import { answering, Refused, showPage } from '../../testing/pages';
import { aServer } from '../../testing/servers';
import Sync from '../admin/Sync';
import { ActionDialog } from './ActionDialog';
import { SyncPart } from './SyncPart';

const SYNC = '/api/v1/customers/acme/regions/r1/sync';
const DETAIL: SyncDetail = {
  uuid: 'i-1', name: 'web-1', host: 'h1', standing: 'adopted', origin: 'discovered', project: 'p', stale_since: null, silent_since: 1_790_000_000, reason: '',
  disks: [],
  trail: [{ id: 7, at: 1_790_000_000, host: 'h1', object: 'i-1', field: 'memory_mib', before: 1024, after: 2048, who: 'somebody on h1', source: 'libvirt define', lost: false, note: '' }],
};
const DISK = { target: 'vda', path: '/images/web.qcow2', device: 'disk', bytes: 2 ** 31, volume: '', fate: 'kept', reason: 'it was there before' };

afterEach(() => vi.unstubAllGlobals());

describe('what sync knows of an instance', () => {
  it('tells what changed outside from what to what, and that its host is silent', async () => {
    answering(() => DETAIL);
    showPage(<SyncPart uuid="i-1" />);
    const changes = await screen.findByRole('list', { name: 'What changed' });
    expect(within(changes).getByText('2048')).toBeTruthy();
    expect(within(changes).getByText(/somebody on h1 · libvirt define/)).toBeTruthy();
    expect(screen.getByText(/h1 has not been heard of/)).toBeTruthy();
    expect(screen.getByText('found on its host')).toBeTruthy();
  });
});

describe('deleting', () => {
  const adopted = aServer({ image: '', metadata: { 'aloft:provenance': 'discovered' } });

  it('names the disks that stay and those that go', async () => {
    answering((_method, path) => (path === `${SYNC}/disks?instances=i-1`
      ? { items: [{ uuid: 'i-1', disks: [DISK, { ...DISK, path: '/images/data.qcow2', fate: 'deleted' }] }] } : {}));
    showPage(<ActionDialog action="delete" servers={[adopted]} close={() => undefined} />);
    expect(await screen.findByText('Its disk /images/web.qcow2 (2 GiB) on the host stays.')).toBeTruthy();
    expect(screen.getByText('Its disk /images/data.qcow2 (2 GiB) on the host is deleted.')).toBeTruthy();
  });

  it('says that disks which were there before stay, also where nobody tells which', async () => {
    answering(() => new Refused(503, { error: { code: 'temporary', message: 'no', remedy: '' } }));
    showPage(<ActionDialog action="delete" servers={[adopted, aServer({ id: 'i-2' })]} close={() => undefined} />);
    expect(await screen.findByText('2 instances are deleted, with them 1 disks on hosts and 0 volumes.')).toBeTruthy();
    expect(screen.getByText('1 disks on hosts and 0 volumes stay.')).toBeTruthy();
  });
});

describe('the page of sync', () => {
  it('makes the network of a place that is offered', async () => {
    const asked = answering((_method, path) => (path === `${SYNC}/networks` ? { items: [{ place: 'bridge/br-dmz/0', hosts: ['h1'], network: null }] } : {}));
    showPage(<Sync />, { at: '/networks', route: '/:tab' });
    await userEvent.click(await screen.findByRole('button', { name: /bridge\/br-dmz\/0/ }));
    await userEvent.click(await screen.findByRole('menuitem', { name: 'Make its network' }));
    await userEvent.click(within(await screen.findByRole('dialog')).getByRole('button', { name: 'Make its network' }));
    expect(asked).toEqual([`POST ${SYNC}/networks`]);
  });
});
