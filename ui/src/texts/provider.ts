export const provider = {
  health: {
    title: 'Health', well: 'Everything is as it should be', unwell: 'Something needs attention', shared: 'Shared services', regions: 'Controllers', hosts: 'Hosts', node: 'Node',
    counts: (count: number, what: string) => `${count} ${what}`,
  },
  customers: {
    title: 'Customers', create: 'Create customer', empty: { title: 'No customers yet', body: 'A customer gets a controller of its own in seconds.' },
    columns: { name: 'Name', display: 'Called', state: 'State', regions: 'Regions', created: 'Created' },
    fields: { name: 'Name (letters, digits, dashes)', display: 'What people call it', release: 'Release', newest: 'The newest', region: 'Region', memory: 'Memory limit (MiB, empty: none)', cpu: 'CPU limit (cores, empty: none)' },
    addRegion: 'Add region', rename: 'Rename', delete: 'Delete', deleteWill: 'The customer’s controllers, its Keystone and all of its records are deleted. This cannot be taken back. Hosts have to be removed first.',
    deleteRegion: 'Delete region', deleteRegionWill: 'The region’s controller and all of its records are deleted.', credentials: 'Show administrator’s login', credentialsWill: 'That you looked is kept in the audit trail.',
    limits: 'Change limits', components: 'Processes', regions: 'Regions',
  },
  controllers: {
    title: 'Controllers', empty: { title: 'No controllers', body: 'Create a customer first.' },
    columns: { region: 'Region', customer: 'Customer', phase: 'State', release: 'Release', well: 'Processes', unwell: 'Unwell' },
    well: (well: number, all: number) => `${well} of ${all} well`,
  },
  components: { columns: { name: 'Process', state: 'State', restarts: 'Restarts', reason: 'Reason' }, empty: { title: 'No processes', body: 'The controller is not running.' } },
  providerHosts: { title: 'Hosts', empty: { title: 'No hosts', body: 'Customers attach their hosts themselves.' } },
  nodes: { title: 'Nodes', columns: { name: 'Name', address: 'Address', state: 'State', detail: 'Detail', seen: 'Seen' }, empty: { title: 'No nodes', body: 'A node is a machine that runs controllers.' } },
  releases: { title: 'Releases', columns: { name: 'Release', state: 'State', node: 'Node', detail: 'Detail' }, prepare: 'Prepare', empty: { title: 'No releases', body: 'The node has not told which it knows.' } },
  operations: {
    title: 'Operations', columns: { kind: 'What', subject: 'On what', state: 'State', progress: 'Progress', actor: 'Who', created: 'When', took: 'Took', error: 'Error' }, cancel: 'Cancel',
    cancelWill: 'What was made so far is torn down.', empty: { title: 'No operations', body: 'Every change that somebody asks for is an operation.' },
  },
  upgrades: {
    title: 'Upgrades', lead: 'A new instance of the newer release is made, migrated and checked beside the one that serves. At the switch reads go on, and what writes waits for some seconds.',
    empty: { title: 'No customers yet', body: 'There is nobody to upgrade.' },
    columns: { customer: 'Customer', release: 'Release', kept: 'Kept for the way back', since: 'Since', operation: 'Under way', wave: 'In the wave' },
    plan: 'Rehearse', start: 'Upgrade', rollback: 'Roll back', rollbackWill: 'The release before serves again, with what was written since.', finish: 'Finish', finishWill: 'What is kept of the release before is removed. There is no way back from then on.', abort: 'Abort',
    anyTime: 'Though the maintenance window is closed', despiteHosts: 'Though hosts are missing or unwell',
    wave: 'Upgrade many', waveLead: 'All customers of an older release, one after another, each in its maintenance window. After a failure none begins.', canary: 'Canary, who goes first', noCanary: 'None', soak: 'Minutes that the canary must run well first', atOnce: 'At the same time', stop: 'Stop the wave', waves: { queued: 'A wave is about to begin', running: 'A wave is under way', failed: 'The last wave stopped', succeeded: 'The last wave reached everybody', cancelled: 'The last wave was stopped' } as Record<string, string>,
  },
  repositories: {
    title: 'Repositories', create: 'Add repository', lead: 'Where backups are kept, encrypted. What lies there stays when a repository is taken out of this list.',
    empty: { title: 'No repositories', body: 'Name a place for backups.' }, columns: { name: 'Name', role: 'Role', url: 'Address', state: 'State', shipped: 'All changes until', trouble: 'Trouble' },
    roles: { primary: 'Primary', secondary: 'Secondary' } as Record<string, string>, check: 'Read all and check', deleteWill: 'No more backups go there. What lies there stays.',
    urlHelp: 'A folder, sftp:user@host:/folder, or s3:https://host/bucket.', password: 'Password of the encryption', passwordHelp: 'Made when left empty; keep it elsewhere too.',
    aws: 'AWS credentials file', ssh: 'Private key',
  },
};
