/** Where a page stands: the project and the region in its address. */
import { createContext, useContext } from 'react';

export interface Scope {
  project: string;
  region: string;
}

export const ScopeContext = createContext<Scope | null>(null);

/** The project and region of the page. */
export function useScope(): Scope {
  const scope = useContext(ScopeContext);
  if (scope === null) throw new Error('a page of a region was shown outside of one');
  return scope;
}

/** The address of a page of a project in a region. */
export function pathIn(scope: Scope, ...parts: string[]): string {
  return `/project/${[scope.project, scope.region, ...parts].map(encodeURIComponent).join('/')}`;
}

/** The address of an administrator's page of a region. */
export function adminPath(region: string, ...parts: string[]): string {
  return `/admin/${[region, ...parts].map(encodeURIComponent).join('/')}`;
}

/** The address of a host's page in the provider's portal. */
export function providerHostPath({ customer, region, name }: { customer: string; region: string; name: string }): string {
  return `/provider/hosts/${[customer, region, name].map(encodeURIComponent).join('/')}`;
}
