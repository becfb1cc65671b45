/** What the search looks through: every list that a person may ask for. */
import type { QueryKey } from '@tanstack/react-query';

import { planeQueries } from '../api/plane';
import { queries } from '../api/queries';
import type { Scope } from '../api/scope';
import type { Session } from '../api/session';
import { type Found, foundAtProvider, foundInAdministration, foundInProject } from '../model/search';
import { texts } from '../texts';

/** One list: how to ask for it, what can be found in it, and where it is, for when that does not answer. */
export interface Source {
  query: { queryKey: QueryKey; queryFn?: unknown };
  found: (rows: unknown) => Found[];
  where: string;
  /** Of another project than the one that the person is in: asked for only when something is looked for. */
  far?: boolean;
}

const OPERATIONS = 50;

/** How many other projects are looked through. */
export const OTHERS = 10;

function source<T>(where: string, query: Source['query'] & { queryFn?: (...context: never[]) => T | Promise<T> }, found: (rows: T) => Found[]): Source {
  return { query, found: (rows) => found(rows as T), where };
}

/** All sources of a person: those of a project in all of its regions, the one that the person is in first, then other projects. */
export function sources(session: Session, scope: Scope | null): Source[] {
  if (session.face === 'provider') {
    const { provider } = texts.shell;
    return [
      source(provider, planeQueries.customers(), (customers) => foundAtProvider({ customers })),
      source(provider, planeQueries.hosts(), (hosts) => foundAtProvider({ hosts })),
      source(provider, planeQueries.nodes(), (nodes) => foundAtProvider({ nodes })),
      source(provider, planeQueries.repositories(), (repositories) => foundAtProvider({ repositories })),
      source(provider, planeQueries.operations(OPERATIONS), (operations) => foundAtProvider({ operations })),
    ];
  }
  if (scope === null) return [];
  const regions = [...session.regions].sort((a, b) => Number(b.name === scope.region) - Number(a.name === scope.region));
  const named = regions.length > 1;
  const of = (project: string, name: string, far: boolean) => regions.flatMap(({ name: region, services }) =>
    ofProject({ project, region }, services.includes('volume'), [name, named ? region : ''].filter(Boolean).join(' · '), far));
  return [
    ...of(scope.project, '', false),
    ...(session.administrator ? ofAdministrator(scope, regions.map(({ name }) => name), named) : []),
    ...others(session, scope).slice(0, OTHERS).flatMap(({ id, name }) => of(id, name, true)),
  ];
}

/** A person's projects besides the one that they are in. */
export function others(session: Session, scope: Scope | null): Session['projects'] {
  return scope === null ? [] : session.projects.filter(({ id }) => id !== scope.project);
}

/** What a project sees in a region; of another project (`far`) what is its own alone: the rest has been found already. */
function ofProject(scope: Scope, volumes: boolean, where: string, far: boolean): Source[] {
  const at = where || scope.region;
  const own = (owner: string | undefined) => !far || owner === scope.project;
  const looked = [
    source(at, queries.instances(scope), (instances) => foundInProject(scope, { instances }, where)),
    ...(volumes ? [
      source(at, queries.volumes(scope), (found) => foundInProject(scope, { volumes: found }, where)),
      source(at, queries.snapshots(scope), (snapshots) => foundInProject(scope, { snapshots }, where)),
    ] : []),
    source(at, queries.images(scope), (all) => foundInProject(scope, { images: all.filter(({ owner }) => own(owner)) }, where)),
    ...(far ? [] : [source(at, queries.keypairs(scope), (keypairs) => foundInProject(scope, { keypairs }, where))]),
    source(at, queries.networks(scope), (all) => foundInProject(scope, { networks: all.filter(({ project_id }) => own(project_id)) }, where)),
    source(at, queries.subnets(scope), (all) => foundInProject(scope, { subnets: all.filter(({ project_id }) => own(project_id)) }, where)),
    source(at, queries.ports(scope), (ports) => foundInProject(scope, { ports }, where)),
    source(at, queries.routers(scope), (routers) => foundInProject(scope, { routers }, where)),
    source(at, queries.floatingIps(scope), (floating) => foundInProject(scope, { floating }, where)),
    source(at, queries.securityGroups(scope), (groups) => foundInProject(scope, { groups }, where)),
  ];
  return looked.map((one) => ({ ...one, far }));
}

function ofAdministrator(scope: Scope, regions: readonly string[], named: boolean): Source[] {
  const { region: here } = scope;
  return [
    ...regions.flatMap((region) => [
      source(region, queries.flavors({ ...scope, region }), (flavors) => foundInAdministration(region, { flavors }, named)),
      source(region, queries.aggregates({ ...scope, region }), (aggregates) => foundInAdministration(region, { aggregates }, named)),
    ]),
    source(here, queries.projects(scope), (projects) => foundInAdministration(here, { projects })),
    source(here, queries.users(scope), (users) => foundInAdministration(here, { users })),
    source(texts.shell.provider, planeQueries.hosts(), (hosts) => foundInAdministration(here, { hosts })),
    source(texts.shell.provider, planeQueries.operations(OPERATIONS), (operations) => foundInAdministration(here, { operations })),
  ];
}
