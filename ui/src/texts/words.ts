/** Words of the APIs that are not yet plain English. What is missing here is shown as it is, with spaces. */

export const STATUSES: Record<string, string> = {
  active: 'Active', shutoff: 'Stopped', build: 'Building', verify_resize: 'Confirm resize', shelved_offloaded: 'Shelved',
  rescue: 'Rescued', soft_deleted: 'Deleted (kept)', hard_reboot: 'Hard reboot', 'in-use': 'In use', down: 'Down', ok: 'OK', n: 'No', settled: 'Up to date', trial: 'On trial', reverted: 'Went back',
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

/** What is done at the plane: kinds of operations, and what else the audit trail names. */
export const OPERATIONS: Record<string, string> = {
  'customer.create': 'Create customer', 'customer.delete': 'Delete customer', 'region.create': 'Create region',
  'region.change': 'Change region', 'region.delete': 'Delete region', 'host.attach': 'Attach host',
  'host.roles': 'Change roles of host', 'host.delete': 'Remove host', 'release.prepare': 'Prepare release',
  'upgrade.plan': 'Rehearse upgrade', 'upgrade.start': 'Upgrade', 'upgrade.rollback': 'Roll back upgrade', 'upgrade.finish': 'Finish upgrade',
  'upgrade.wave': 'Upgrade many',
  'backup.run': 'Back up', 'backup.prove': 'Prove backup', 'backup.restore': 'Restore', 'backup.check': 'Check repository', 'backup.copy': 'Copy backups',
  'backup.retain': 'Tidy up backups', 'region.network': 'Change network template',
  'backup.restore-all': 'Restore all customers', 'backup.policy': 'Change backup schedule', 'region.rebuild': 'Rebuild region',
  'account.create': 'Create account', 'account.change': 'Change account', 'account.delete': 'Delete account',
  'customer.move': 'Move customer', 'customer.move.abort': 'Abort move', 'node.invite': 'Invite node', 'node.add': 'Add node', 'node.remove': 'Remove node',
  'customer.change': 'Change customer', 'customer.credentials': 'Look at administrator’s login',
  'host-token.create': 'Make line to paste', 'host-token.delete': 'Withdraw line to paste', 'host.authorise': 'Authorise roles',
  'host.deauthorise': 'Take roles away', 'host.certificate': 'Renew host’s certificate', 'host.drain': 'Drain host',
  'host.resume': 'Take host into use again', 'host.retry': 'Try again on host', 'host.update': 'Update host',
  'operation.cancel': 'Cancel operation', 'repository.put': 'Change repository', 'repository.delete': 'Take repository out',
  'repository.password': 'Look at repository’s password', 'rollout.retry': 'Try rollout again', 'settings.bounds': 'Change what may be set',
  'settings.change': 'Change settings', 'settings.confirm': 'Confirm networks that are let in', 'settings.revert': 'Take networks back',
  'token.create': 'Log in', 'token.delete': 'Log out', 'upgrade.abort': 'Abort upgrade', 'upgrade.wave.stop': 'Stop wave of upgrades',
};

/** What a remedy names at the command line, and what does the same in the portal. */
export const COMMANDS: readonly [string, string][] = [
  ['aloft operation', 'It shows in the task bar below; try again when it has ended.'],
  ['aloft host delete', 'Remove them first, on the page of hosts.'],
  ['aloft host authorise', 'Authorise roles for it first.'],
  ['Move it when it is open', 'Tick that it may be done though the maintenance window is closed.'],
  ['--any-time', 'Tick that it may be done though the maintenance window is closed, or choose “Upgrade many”, which waits for the window.'],
  ['--despite-hosts', 'Repair them, or tick that it may be done though hosts are missing or unwell.'],
  ['aloft upgrade finish', 'Finish the last upgrade first, or roll it back.'],
  ['aloft upgrade plan', 'Nothing has changed. Rehearse the upgrade to see all of its checks.'],
  ['aloft release list', 'Choose a newer release; the page of releases lists them.'],
  ['aloft release prepare', 'Prepare the release first, on the page of releases.'],
  ['aloft upgrade', 'See the page of upgrades.'],
  ['aloft backup list', 'See the page of backups, or what lies in a repository.'],
  ['aloft backup repository', 'See the page of repositories.'],
  ['aloft node invite', 'Paste the whole line that the other node showed.'],
  ['aloft node', 'See the page of nodes.'],
  ['aloft customer show', 'See the customer’s own page.'],
  ['--at', 'Restore another backup, or without naming a moment.'],
  ['aloft logs', 'See the page of logs.'],
  ['aloft host token', 'Make a new line to paste, on the page of hosts.'],
  ['aloft customer delete', 'Delete the whole customer instead.'],
  ['--instances', 'Say what shall become of the instances that are on it.'],
  ['--even-if-shut-out', 'Set the networks again with one that you are in.'],
];
