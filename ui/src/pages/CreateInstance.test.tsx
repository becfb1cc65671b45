import { screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { answering, showPage } from '../testing/pages';
import CreateInstance from './CreateInstance';

afterEach(() => vi.unstubAllGlobals());

const FLAVOR = { 'id': 'f', 'name': 'small', 'vcpus': 1, 'ram': 1024, 'disk': 10, 'swap': '', 'OS-FLV-EXT-DATA:ephemeral': 0, 'os-flavor-access:is_public': true, 'description': null, 'extra_specs': { 'aggregate_instance_extra_specs:disk': 'ssd' } };
const used = (limit: number) => ({ used: 0, limit });

/** The first answer whose end of the path fits. */
const TOLD: [string, unknown][] = [
  ['/compute/v2.1/flavors', { flavors: [FLAVOR] }],
  ['/compute/v2.1/limits', { limits: { absolute: { maxTotalInstances: -1, maxTotalCores: -1, maxTotalRAMSize: -1 } } }],
  ['/volume/v3/limits', { limits: { absolute: { totalVolumesUsed: 8, maxTotalVolumes: 10, totalGigabytesUsed: 0, maxTotalVolumeGigabytes: 1000 } } }],
  ['/network/v2.0/quotas', { quota: { port: used(5), network: used(1), subnet: used(1), router: used(1), floatingip: used(1), security_group: used(1) } }],
  ['/compute/v2.1/os-availability-zone', { availabilityZoneInfo: [{ zoneName: 'z1', zoneState: { available: true } }] }],
  ['/volume/v3/os-availability-zone', { availabilityZoneInfo: [{ zoneName: 'nova' }] }],
  ['/compute/v2.1/os-aggregates', { aggregates: [{ id: 1, name: 'fast', availability_zone: 'z1', hosts: [], metadata: { disk: 'ssd' } }] }],
  ['/image/v2/images', { images: [{ id: 'img', name: 'debian', status: 'active', disk_format: 'qcow2', size: 1, virtual_size: 1, min_ram: 0, min_disk: 0, visibility: 'public' }] }],
  ['/network/v2.0/networks', { networks: [{ 'id': 'net', 'name': 'private', 'router:external': false, 'shared': false }] }],
];

function show() {
  const asked = answering((_method, path) => TOLD.find(([part]) => path.includes(part))?.[1]
    ?? { snapshots: [], volumes: [], subnets: [], security_groups: [], keypairs: [] });
  showPage(<CreateInstance />);
  return asked;
}

describe('the page that creates instances', () => {
  it('refuses root volumes and ports that the quotas have no room for, before anything is sent', async () => {
    const user = userEvent.setup();
    const asked = show();
    await user.type(screen.getByRole('textbox', { name: /^Name/ }), 'web');
    await user.click(await screen.findByRole('radio', { name: /debian/ }));
    await user.click(await screen.findByRole('radio', { name: /small/ }));
    await user.click(await screen.findByRole('checkbox', { name: /private/ }));
    const count = screen.getByLabelText('Number of instances');
    await user.clear(count);
    await user.type(count, '3');
    expect(screen.queryByText(/quota does not leave room/)).toBeNull();
    await user.click(screen.getByLabelText(/Put the root disk on a new volume/));
    expect(await screen.findByText('Volumes: 3 needed, 2 free.')).toBeTruthy();
    expect(screen.getByRole('button', { name: 'Create 3 instances' })).toHaveProperty('disabled', true);
    await user.click(screen.getByLabelText(/Put the root disk on a new volume/));
    await user.clear(count);
    await user.type(count, '6');
    expect(screen.getByText('Ports: 6 needed, 5 free.')).toBeTruthy();
    expect(asked).toEqual([]);
  });

  it('shows which aggregates a zone and a flavor lead to', async () => {
    show();
    expect(await within(screen.getByLabelText('Availability zone or aggregate')).findByText('z1 (fast)')).toBeTruthy();
    expect(await screen.findByText(/on fast/)).toBeTruthy();
  });
});
