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
}

const OPERATIONS = 50;

function source<T>(where: string, query: Source['query'] & { queryFn?: (...context: never[]) => T | Promise<T> }, found: (rows: T) => Found[]): Source {
  return { query, found: (rows) => found(rows as T), where };
}

/** All sources of a person: those of a project in all of its regions, the one that the person is in first. */
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
  return [
    ...regions.flatMap(({ name: region, services }) => ofProject({ project: scope.project, region }, services.includes('volume'), named)),
    ...(session.administrator ? ofAdministrator(scope, regions.map(({ name }) => name), named) : []),
  ];
}

function ofProject(scope: Scope, volumes: boolean, named: boolean): Source[] {
  const { region } = scope;
  return [
    source(region, queries.instances(scope), (instances) => foundInProject(scope, { instances }, named)),
    ...(volumes ? [
      source(region, queries.volumes(scope), (found) => foundInProject(scope, { volumes: found }, named)),
      source(region, queries.snapshots(scope), (snapshots) => foundInProject(scope, { snapshots }, named)),
    ] : []),
    source(region, queries.images(scope), (images) => foundInProject(scope, { images }, named)),
    source(region, queries.keypairs(scope), (keypairs) => foundInProject(scope, { keypairs }, named)),
    source(region, queries.networks(scope), (networks) => foundInProject(scope, { networks }, named)),
    source(region, queries.subnets(scope), (subnets) => foundInProject(scope, { subnets }, named)),
    source(region, queries.ports(scope), (ports) => foundInProject(scope, { ports }, named)),
    source(region, queries.routers(scope), (routers) => foundInProject(scope, { routers }, named)),
    source(region, queries.floatingIps(scope), (floating) => foundInProject(scope, { floating }, named)),
    source(region, queries.securityGroups(scope), (groups) => foundInProject(scope, { groups }, named)),
  ];
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
