/** Words of the APIs that are not yet plain English. What is missing here is shown as it is, with spaces. */

export const STATUSES: Record<string, string> = {
  active: 'Active', shutoff: 'Stopped', build: 'Building', verify_resize: 'Confirm resize', shelved_offloaded: 'Shelved',
  soft_deleted: 'Deleted (kept)', hard_reboot: 'Hard reboot', 'in-use': 'In use', down: 'Down', ok: 'OK', n: 'No',
  block_device_mapping: 'Preparing disks', powering_on: 'Starting', 'powering-on': 'Starting', 'powering-off': 'Stopping',
  rebooting_hard: 'Rebooting', image_snapshot: 'Taking snapshot', image_snapshot_pending: 'Taking snapshot',
  image_pending_upload: 'Taking snapshot', image_uploading: 'Uploading snapshot', resize_prep: 'Preparing resize',
  resize_migrating: 'Resizing', resize_finish: 'Finishing resize', resize_reverting: 'Reverting resize',
  resize_confirming: 'Confirming resize',
};

export const ACTIONS: Record<string, string> = {
  create: 'Create', delete: 'Delete', start: 'Start', stop: 'Stop', reboot: 'Reboot', createImage: 'Snapshot',
  confirmResize: 'Confirm resize', revertResize: 'Revert resize', 'live-migration': 'Live migration', attach_interface: 'Attach NIC',
  detach_interface: 'Detach NIC', attach_volume: 'Attach volume', detach_volume: 'Detach volume', shelveOffload: 'Offload',
  trigger_crash_dump: 'Crash dump', 'reset-state': 'Reset state', changePassword: 'Set password',
};

export const OPERATIONS: Record<string, string> = {
  'customer.create': 'Create customer', 'customer.delete': 'Delete customer', 'region.create': 'Create region',
  'region.change': 'Change region', 'region.delete': 'Delete region', 'host.attach': 'Attach host',
  'host.roles': 'Change roles of host', 'host.delete': 'Remove host', 'release.prepare': 'Prepare release',
  'upgrade.plan': 'Rehearse upgrade', 'upgrade.start': 'Upgrade', 'upgrade.rollback': 'Roll back upgrade', 'upgrade.finish': 'Finish upgrade',
  'upgrade.wave': 'Upgrade many',
  'backup.run': 'Back up', 'backup.prove': 'Prove backup', 'backup.restore': 'Restore', 'backup.check': 'Check repository',
  'backup.retain': 'Tidy up backups', 'region.network': 'Change network template',
};

/** What a remedy names at the command line, and what does the same in the portal. */
export const COMMANDS: readonly [string, string][] = [
  ['aloft operation', 'It shows in the task bar below; try again when it has ended.'],
  ['aloft host delete', 'Remove them first, on the page of hosts.'],
  ['aloft host authorise', 'Authorise roles for it first.'],
  ['aloft release prepare', 'Prepare the release first, on the page of releases.'],
  ['aloft upgrade', 'See the page of upgrades.'],
  ['aloft customer delete', 'Delete the whole customer instead.'],
  ['--instances', 'Say what shall become of the instances that are on it.'],
  ['--even-if-shut-out', 'Set the networks again with one that you are in.'],
];
