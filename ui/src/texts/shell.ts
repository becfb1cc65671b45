const BY_STATUS: Record<number, string> = {
  400: 'The request was refused as wrong.',
  401: 'Your session has ended.',
  403: 'You may not do this.',
  404: 'There is no such thing any more.',
  409: 'This does not fit the present state.',
  413: 'A quota would be exceeded.',
  429: 'Too many requests in a short time.',
  500: 'The service met an error that it did not expect.',
  502: 'The region does not answer.',
  503: 'The service is not available at the moment.',
  504: 'The region did not answer in time.',
};

function remedyOf(status: number): string {
  if (status === 401) return 'Log in again; you will come back to this page.';
  if (status === 403) return 'Ask an administrator of your organisation for the role that it takes.';
  if (status === 404) return 'Somebody may have deleted it. Go back to the list.';
  if (status === 409) return 'Wait until what runs has ended, then try again.';
  if (status === 413 || status === 429) return 'Free something, or ask an administrator for more.';
  if (status >= 500) return 'Try again in a moment; the rest of the portal goes on working.';
  return 'Correct what is said to be wrong and try again.';
}

export const shell = {
  product: 'Aloft',
  loading: 'Loading',
  actions: {
    retry: 'Try again', cancel: 'Cancel', copy: 'Copy', copied: 'Copied', create: 'Create', save: 'Save', remove: 'Remove',
    delete: 'Delete', add: 'Add', close: 'Close', edit: 'Edit', yes: 'Yes', no: 'No', show: 'Show', actions: 'Actions',
  },
  errors: {
    byStatus: BY_STATUS,
    remedyOf,
    unknown: (status: number) => `The request failed (${status}).`,
    offline: 'The portal does not answer.',
    offlineRemedy: 'Look at your network connection; the page goes on by itself when the portal is back.',
    reload: 'Reload the page. If that does not help, tell your administrator.',
    failedForSome: (failed: number, all: number) => `Failed for ${failed} of ${all}.`,
    failedFor: (name: string, { message, remedy }: { message: string; remedy: string }) => `${name}: ${message} ${remedy}`.trim(),
    noPage: 'There is no such page.',
    noPlace: 'You are not a member of this project, or there is no such region.',
    noRegion: 'Your organisation has no region that is ready.',
    noProject: 'You are not a member of any project. Ask an administrator for a role in one.',
  },
  form: { nothing: 'There is nothing to choose from.' },
  confirm: {
    ask: (action: string, names: string) => `${action} ${names}?`,
    type: (name: string) => `Type “${name}” to confirm`,
    differs: 'That is not the name.',
  },
  table: {
    filter: 'Filter', all: 'All', columns: 'Columns', choose: 'Select', chooseAll: 'Select all', actions: 'Actions', rows: 'Rows',
    withChosen: 'Actions on the selected', clear: 'Clear filters',
    chosen: (count: number) => `${count} selected`,
    someOf: (action: string, count: number) => `${action} (${count})`,
    count: (shown: number, all: number) => (shown === all ? `${all}` : `${shown} of ${all}`),
    actionsOn: (name: string) => `Actions on ${name}`,
    nothingFound: 'Nothing matches',
    nothingFoundBody: 'No row has all of these words.',
  },
  rows: {
    up: (one: string) => `Move ${one} up`, down: (one: string) => `Move ${one} down`, remove: (one: string) => `Remove ${one}`,
  },
  login: {
    title: (customer: string | null) => (customer === null ? 'Aloft' : `Aloft · ${customer}`),
    customerLead: 'Log in with your organisation’s account.',
    providerLead: 'For the people who run Aloft.',
    user: 'User name', password: 'Password', domain: 'Domain', domainDefault: 'Default', action: 'Log in', more: 'Another domain',
    ended: 'Your session has ended',
    endedBody: 'Log in again and you are back where you were.',
    foot: (domain: string, version: string) => `${domain} · Aloft ${version}`,
  },
  shell: {
    navigation: 'Navigation', skip: 'Skip to content', provider: 'Provider', project: 'Project', region: 'Region', logOut: 'Log out',
    user: (name: string) => `User ${name}`,
    theme: { system: 'Colours: as the system', light: 'Colours: light', dark: 'Colours: dark' },
  },
  nav: {
    overview: 'Overview', compute: 'Compute', instances: 'Instances', images: 'Images', keypairs: 'Key pairs', storage: 'Storage',
    volumes: 'Volumes', snapshots: 'Volume snapshots', network: 'Network', topology: 'Topology', networks: 'Networks',
    routers: 'Routers', floatingIps: 'Floating IPs', securityGroups: 'Security groups', infrastructure: 'Infrastructure',
    hosts: 'Hosts', sync: 'Sync', backups: 'Backups', settings: 'Settings', activity: 'Activity', networkTemplate: 'Network template', aggregates: 'Host aggregates', zones: 'Availability zones',
    flavors: 'Flavors', regions: 'Regions', people: 'People and rights', projects: 'Projects', users: 'Users and roles',
    quotas: 'Quotas', audit: 'Audit trail',
    provider: {
      health: 'Health', customers: 'Customers', controllers: 'Controllers', hosts: 'Hosts', machines: 'Machines', nodes: 'Nodes',
      releases: 'Releases', upgrades: 'Upgrades', records: 'Records', operations: 'Operations', backups: 'Backups', repositories: 'Repositories', audit: 'Audit trail', accounts: 'Accounts', logs: 'Logs',
    },
  },
  search: {
    title: 'Search', key: '/', hint: 'Name, address or ID', results: 'Results', nothing: 'Nothing has all of these words.',
    waiting: 'Lists are still on their way …', silent: (where: string) => `Not looked through, since it does not answer: ${where}.`,
    left: (count: number) => (count === 1 ? 'One more of your projects is not looked through; go there to search in it.' : `${count} more of your projects are not looked through; go there to search in them.`),
    kinds: {
      page: 'Page', instance: 'Instance', volume: 'Volume', image: 'Image', network: 'Network', router: 'Router',
      floatingIp: 'Floating IP', securityGroup: 'Security group', host: 'Host', customer: 'Customer', snapshot: 'Volume snapshot', keypair: 'Key pair',
      subnet: 'Subnet', port: 'Port', flavor: 'Flavor', aggregate: 'Aggregate', project: 'Project', user: 'User', operation: 'Operation', node: 'Node',
      repository: 'Repository',
    },
  },
  tasks: {
    title: 'Tasks', none: 'Nothing was done in the last two hours.', running: 'Running', overtaken: 'The instance was deleted meanwhile.',
    count: (count: number) => `${count} running`, accepted: 'Under way', succeeded: 'Done', failed: 'Failed',
    goneMeanwhile: 'It was deleted meanwhile.', endedAs: (state: string) => `It ended in the state ${state}.`, nobody: (id: string) => `User ${id}`,
    happened: {
      created: (thing: string) => `Create ${thing}`, changed: (thing: string) => `Change ${thing}`, deleted: (thing: string) => `Delete ${thing}`,
    },
    things: {
      'volume': 'volume', 'volume-snapshot': 'volume snapshot', 'image': 'image', 'network': 'network', 'subnet': 'subnet', 'router': 'router',
      'floating-ip': 'floating IP', 'security-group': 'security group',
    } as Record<string, string>,
  },
  connection: {
    connecting: { short: 'Connecting', long: 'The stream of changes is being opened.' },
    open: { short: 'Live', long: 'Changes show by themselves, whoever makes them.' },
    lost: { short: 'Not live', long: 'The stream of changes broke off; it is opened again by itself.' },
  },
  notices: {
    title: 'Notifications', none: 'Nothing to tell', clear: 'Clear all',
    instanceError: (name: string) => `The instance ${name} is in error`,
    hosts: {
      missing: { title: (name: string) => `The host ${name} is silent`, remedy: 'See whether the machine is up, the agent runs there, and it reaches the provider.' },
      failed: { title: (name: string) => `The host ${name} has failed`, remedy: 'Its page says at what, and what to do.' },
    } as Record<string, { title: (name: string) => string; remedy: string }>,
  },
};
