import type { ActionGroup, InstanceAction } from '../model/instanceActions';
import type { Problem } from '../model/request';

const NAMES: Record<InstanceAction, string> = {
  start: 'Start', stop: 'Shut down', reboot: 'Reboot', hardReboot: 'Hard reboot', pause: 'Pause', unpause: 'Unpause',
  suspend: 'Suspend', resume: 'Resume', shelve: 'Shelve', shelveOffload: 'Offload', unshelve: 'Unshelve', unshelveAt: 'Unshelve at …', rescue: 'Rescue',
  unrescue: 'Leave rescue', crashDump: 'Trigger crash dump', rename: 'Rename', resize: 'Resize', confirmResize: 'Confirm resize',
  revertResize: 'Revert resize', rebuild: 'Rebuild', setPassword: 'Set password', lock: 'Lock', unlock: 'Unlock',
  snapshot: 'Take snapshot', backup: 'Back up as an image', attachVolume: 'Attach volume', detachVolume: 'Detach volume', attachInterface: 'Attach NIC',
  detachInterface: 'Detach NIC', editMetadata: 'Edit metadata', console: 'Open console', log: 'Show log', delete: 'Delete',
  forceDelete: 'Delete for good', restore: 'Restore', migrate: 'Migrate', liveMigrate: 'Live migrate', abortMigration: 'Abort live migration',
  completeMigration: 'Complete live migration now', evacuate: 'Evacuate',
  resetState: 'Reset state',
};

const WILL: Partial<Record<InstanceAction, string>> = {
  stop: 'The guest is asked to shut down; if it does not within a minute, its power is cut.',
  reboot: 'The guest is asked to restart. What runs in it is interrupted.',
  hardReboot: 'The power is cut and switched on again. What the guest has not written to disk is lost.',
  crashDump: 'The guest’s kernel is made to crash and write a dump, if it is set up to do so.',
  shelve: 'The instance is shut down, its disk is kept as an image, and it leaves its host. Its addresses stay.',
  unshelveAt: 'The instance starts again, with its disk from the image that was kept, where you say.',
  rescue: 'The instance restarts from a rescue image; its own disk is attached as a second one.',
  resize: 'The instance restarts, perhaps on another host. You then confirm the new size or go back.',
  revertResize: 'The instance restarts in its former size. What was written since the resize is lost.',
  rebuild: 'The root disk is written anew from the image. Everything on it is lost; addresses and volumes stay.',
  migrate: 'The instance is shut down, moved to another host and started there. The move has to be confirmed.',
  lock: 'Nobody but administrators can do anything to it until it is unlocked.',
  backup: 'The disk is kept as an image. Of the images of the same kind only the latest are kept; older ones are deleted.',
  abortMigration: 'The instance stays on the host that it is on.',
  completeMigration: 'The guest is held until the rest of its memory is on the other host.',
  evacuate: 'The instance is built anew on another host. Do this only when its host is really dead.',
  forceDelete: 'The instance is deleted at once and cannot be restored.',
  resetState: 'Only the recorded state changes. Use it when an action hangs and you know what the instance is really like.',
};

const GROUPS: Record<ActionGroup, string> = { power: 'Power', settings: 'Settings', lifecycle: 'Lifecycle', placement: 'Placement' };

const PROBLEMS: Record<Problem, string> = {
  name: 'Give it a name of up to 255 characters.',
  count: 'The number of instances is a whole number from 1 to 1,000.',
  source: 'Choose what it starts from.',
  flavor: 'Choose a flavor.',
  network: 'Choose at least one network.',
  rootVolume: 'The root volume needs at least 1 GiB.',
  userData: 'The user data is longer than Nova takes (48 KiB).',
  volumeCount: 'A volume can be the root disk of one instance only.',
};

const sized = (path: string, size: number) => [path, size > 0 ? `(${size} GiB)` : ''].filter(Boolean).join(' ');

export const instances = {
  overview: {
    title: 'Overview', quota: 'Quota', unlimited: 'no limit', instances: 'Instances', attention: 'Needs attention',
    all: 'All instances', allWell: 'Everything is as it should be.', create: 'Create instance',
    usage: (used: string, limit: string) => `${used} of ${limit}`,
    free: (text: string) => `${text} free`,
    states: (count: number, state: string) => `${count} ${state.toLowerCase()}`,
    what: {
      instances: 'Instances', cores: 'vCPUs', ram: 'Memory', volumes: 'Volumes', gigabytes: 'Volume storage', snapshots: 'Volume snapshots',
      network: 'Networks', subnet: 'Subnets', port: 'Ports', router: 'Routers', floatingip: 'Floating IPs', security_group: 'Security groups',
    },
    region: (name: string) => `Region ${name}`,
  },
  instances: {
    title: 'Instances',
    empty: { title: 'No instances yet', body: 'An instance is a virtual machine. Create one from an image in a minute.' },
    create: 'Create instance',
    columns: {
      name: 'Name', status: 'Status', addresses: 'IP addresses', flavor: 'Flavor', vcpus: 'vCPUs', ram: 'Memory', image: 'Image',
      zone: 'Zone', host: 'Host', created: 'Created', key: 'Key pair', id: 'ID', disks: 'Volumes', tags: 'Tags',
    },
    fromVolume: 'Volume', asOnHost: 'As it is on its host',
    names: NAMES,
    will: WILL,
    groups: GROUPS,
    ask: (action: string, count: number, name: string) => (count === 1 ? `${action} ${name}?` : `${action} ${count} instances?`),
    deleteIntro: 'This cannot be taken back:',
    diskDeleted: (name: string, size: number) => `Volume ${name} (${size} GiB) is deleted.`,
    diskKept: (name: string, size: number) => `Volume ${name} (${size} GiB) stays.`,
    diskLocal: (path: string, size: number) => `Its disk ${[sized(path, size), 'on the host is deleted.'].filter(Boolean).join(' ')}`,
    diskLocalKept: (path: string, size: number) => (path === '' ? 'Its disks on the host stay.' : `Its disk ${sized(path, size)} on the host stays.`),
    addressesFreed: (list: string) => `Its addresses are given back: ${list}.`,
    deleteMany: (count: number, disks: number, volumes: number) =>
      `${count} instances are deleted, with them ${disks} disks on hosts and ${volumes} volumes.`,
    keptOfMany: (disks: number, volumes: number) => `${disks} disks on hosts and ${volumes} volumes stay.`,
    more: (count: number) => `and ${count} more`,
    state: 'State', newState: 'New state', password: 'New administrator password', newName: 'New name', description: 'Description',
    flavor: 'New flavor', image: 'Image', rescueImage: 'Rescue image', sameImage: 'The image that it was made from', snapshotName: 'Name of the snapshot', backupName: 'Name of the image', backupKind: 'Kind, such as daily or weekly', backupKept: 'How many of this kind are kept',
    noMigration: 'The live migration has ended already.', reason: 'Reason', volume: 'Volume', network: 'Network',
    hostChoice: 'Host', anyHost: 'Let the scheduler choose', zoneChoice: 'Availability zone', anyZone: 'The one that was asked for when it was made, or any', fixedIp: 'Fixed IP address (optional)',
    fault: (message: string) => `Nova reports: ${message}`,
    faultRemedy: 'Look at Activity for the step that failed. Delete the instance and create it again, or try a hard reboot.',
    locked: 'Locked',
    task: (text: string) => `${text} …`,
  },
  instance: {
    tabs: { overview: 'Overview', console: 'Console', log: 'Log', disks: 'Disks', nics: 'NICs', snapshots: 'Snapshots', metadata: 'Metadata', activity: 'Activity' },
    identity: 'Identity', size: 'Size', where: 'Where', access: 'Access', provenance: 'Provenance',
    facts: {
      id: 'ID', name: 'Name', description: 'Description', project: 'Project', owner: 'Created by', created: 'Created', launched: 'Launched',
      updated: 'Changed', flavor: 'Flavor', vcpus: 'vCPUs', memory: 'Memory', disk: 'Root disk', ephemeral: 'Ephemeral disk', image: 'Image',
      zone: 'Availability zone', host: 'Host', hypervisorName: 'Name on the host', key: 'Key pair', groups: 'Security groups',
      configDrive: 'Config drive', tags: 'Tags', locked: 'Locked', origin: 'Origin', power: 'Power',
    },
    power: { 0: 'Unknown', 1: 'Running', 3: 'Paused', 4: 'Off', 6: 'Crashed', 7: 'Suspended' } as Record<number, string>,
    origins: {
      openstack: 'Created through OpenStack', adopted: 'Adopted: it was made outside OpenStack',
      rebuilt: 'Created through OpenStack; its records were lost and made anew',
    },
    log: { title: 'Serial log', refresh: 'Refresh', lines: 'Lines', empty: 'The instance has written nothing to its serial port yet.', label: 'Serial log' },
    disks: {
      empty: { title: 'No volumes attached', body: 'Its disk is on the host. Attach a volume for data that should outlive the instance.' },
      columns: { name: 'Name', device: 'Device', size: 'Size', status: 'Status', fate: 'When the instance is deleted' },
      goes: 'Deleted with it', stays: 'Stays', letStay: 'Keep when the instance is deleted', letGo: 'Delete with the instance', detach: 'Detach', attach: 'Attach volume', local: 'Disk on the host',
      detachWill: (name: string) => `The guest loses the disk ${name}. Unmount it in the guest first.`,
    },
    nics: {
      empty: { title: 'No NICs', body: 'The instance has no network.' },
      columns: { network: 'Network', addresses: 'IP addresses', mac: 'MAC', status: 'Status', floating: 'Floating IP', groups: 'Security groups' },
      attach: 'Attach NIC', detach: 'Detach', detachWill: (addresses: string) => `The guest loses this NIC and its addresses ${addresses}.`,
      floating: 'Give a floating IP', noFloating: 'Take the floating IP away', groups: 'Change security groups', external: 'From network', existing: 'Floating IP',
      newFloating: 'A new one',
    },
    snapshots: {
      empty: { title: 'No snapshots', body: 'A snapshot keeps the disk as it is now, as an image that new instances can start from.' },
      take: 'Take snapshot',
    },
    sync: {
      title: 'On its host', found: 'First', origins: { 'discovered': 'found on its host', 'made here': 'made through OpenStack' } as Record<string, string>,
      standing: 'Stands as', stale: 'Missed on its host since', silent: 'Its host was last heard of', reason: 'Because',
      changes: 'What changed', nothing: 'Nothing was changed outside OpenStack yet.',
      silentNote: (host: string) => `${host} has not been heard of for a while: what is shown may be out of date.`,
    },
    metadata: { label: 'Metadata, one key=value a line', save: 'Save metadata', tags: 'Tags, one a line', wrong: (line: string) => `“${line}” is not key=value.` },
    activity: {
      empty: { title: 'Nothing was done yet', body: 'Every action on the instance shows here, with who did it and how it ended.' },
      columns: { action: 'Action', who: 'Who', when: 'When', took: 'Took', outcome: 'Outcome', request: 'Request', error: 'Error' },
    },
  },
  console: {
    title: (name: string) => `Console of ${name}`,
    fullscreen: 'Full screen', ctrlAltDel: 'Send Ctrl+Alt+Del', window: 'Own window', reconnect: 'Connect again', power: 'Power',
    connecting: 'Connecting to the screen', connected: 'Connected', closed: 'The connection to the screen has ended.',
    again: 'It is tried again by itself.',
    viewOnly: 'Look only', keyboard: 'Keyboard', screen: 'Screen of the instance', off: 'The instance does not run, so it has no screen.',
    offRemedy: 'Start it to see its screen.', paste: 'Type text', pasteHelp: 'It is typed into the console, key by key.',
  },
  create: {
    title: 'Create instance',
    sections: { what: 'Name', source: 'Starts from', flavor: 'Flavor', network: 'Networks', access: 'Access', more: 'More' },
    fields: {
      name: 'Name', description: 'Description', count: 'Number of instances', region: 'Region', zone: 'Availability zone or aggregate', anyZone: 'Any',
      key: 'Key pair', noKey: 'None', userData: 'User data (cloud-init or a script)', configDrive: 'Config drive', groups: 'Security groups',
      rootVolume: 'Put the root disk on a new volume', rootSize: 'Size of the volume (GiB)', rootFate: 'Delete the volume with the instance',
      file: 'Read from a file',
    },
    kinds: { image: 'Image', snapshot: 'Volume snapshot', volume: 'Volume' },
    filter: 'Filter',
    none: { image: 'There is no image yet. Upload one first.', snapshot: 'There is no volume snapshot.', volume: 'There is no bootable volume that is free.' },
    fits: (count: number) => (count === Infinity ? 'no limit' : count === 0 ? 'no room' : `room for ${count}`),
    tooSmall: 'too small for the image', ledTo: (aggregates: string) => `on ${aggregates}`,
    summary: 'Summary', quota: 'Quota after this',
    exceeds: (what: string, needed: string, free: string) => `${what}: ${needed} needed, ${free} free.`,
    exceedsTitle: 'The project’s quota does not leave room for this',
    exceedsRemedy: 'Choose a smaller flavor or fewer instances, delete something, or ask an administrator for more quota.',
    asCode: 'As code', cli: 'openstack', terraform: 'Terraform',
    submit: (count: number) => (count === 1 ? 'Create instance' : `Create ${count} instances`),
    problems: PROBLEMS,
    external: 'external', shared: 'shared',
  },
  activity: {
    title: 'Activity', lead: 'What was done to the project’s instances in the last seven days, by whom, and how it ended.', instance: 'Instance',
    empty: { title: 'Nothing was done', body: 'Every action on an instance shows here, whoever did it.' },
  },
};
