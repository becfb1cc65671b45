/** Which pages there are for whom. Pure. */
import { adminPath, pathIn, type Scope } from '../api/scope';
import type { Session } from '../api/session';
import { texts } from '../texts';

export interface NavLink {
  title: string;
  to: string;
  /** Current for exactly this address only. */
  exact?: boolean;
}

export interface NavGroup {
  title: string;
  links: NavLink[];
}

/** The navigation of a person in a project and region; a provider's has neither. */
export function navigation(session: Session, scope: Scope | null): NavGroup[] {
  if (session.face === 'provider') {
    const at = (title: string, part: string): NavLink => ({ title, to: `/provider/${part}` });
    const { provider: t } = texts.nav;
    return [
      { title: '', links: [{ title: t.health, to: '/provider', exact: true }] },
      { title: t.customers, links: [at(t.customers, 'customers'), at(t.controllers, 'controllers'), at(t.hosts, 'hosts')] },
      { title: t.machines, links: [at(t.nodes, 'nodes'), at(t.releases, 'releases'), at(t.upgrades, 'upgrades')] },
      { title: t.backups, links: [at(t.backups, 'backups'), at(t.repositories, 'repositories')] },
      { title: t.records, links: [at(t.operations, 'operations'), at(t.logs, 'logs'), at(t.audit, 'audit'), at(t.accounts, 'accounts')] },
    ];
  }
  if (scope === null) return [];
  const at = (title: string, part: string): NavLink => ({ title, to: pathIn(scope, part) });
  const { nav: t } = texts;
  const groups: NavGroup[] = [
    { title: '', links: [{ title: t.overview, to: pathIn(scope), exact: true }, at(t.activity, 'activity')] },
    { title: t.compute, links: [at(t.instances, 'instances'), at(t.images, 'images'), at(t.keypairs, 'keypairs')] },
    { title: t.storage, links: [at(t.volumes, 'volumes'), at(t.snapshots, 'snapshots')] },
    {
      title: t.network,
      links: [
        at(t.topology, 'topology'), at(t.networks, 'networks'), at(t.routers, 'routers'), at(t.floatingIps, 'floating-ips'),
        at(t.securityGroups, 'security-groups'),
      ],
    },
  ];
  if (!session.administrator) return groups;
  const over = (title: string, part: string): NavLink => ({ title, to: adminPath(scope.region, part) });
  return [
    ...groups,
    {
      title: t.infrastructure,
      links: [
        over(t.hosts, 'hosts'), over(t.sync, 'sync'), over(t.networkTemplate, 'network-template'), over(t.aggregates, 'aggregates'),
        over(t.zones, 'zones'), over(t.flavors, 'flavors'), over(t.regions, 'regions'), over(t.backups, 'backups'), over(t.settings, 'settings'),
      ],
    },
    {
      title: t.people,
      links: [over(t.projects, 'projects'), over(t.users, 'users'), over(t.quotas, 'quotas'), over(t.provider.operations, 'operations'), over(t.audit, 'audit')],
    },
  ];
}
