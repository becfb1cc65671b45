/** Arithmetic of quotas. Pure; a limit of -1 is unlimited. */
import type { ComputeLimits, Quota } from '../api/queries';

/** What is left; `Infinity` when there is no limit. */
export function free({ used, limit }: Quota): number {
  return limit < 0 ? Infinity : Math.max(0, limit - used);
}

/** The share used, 0 to 1; 0 when there is no limit. */
export function share({ used, limit }: Quota): number {
  if (limit < 0) return 0;
  return limit === 0 ? 1 : Math.min(1, used / limit);
}

/** How near to its limit: at 80 % one should know, at 95 % one is in the way of oneself. */
export function nearness(quota: Quota): 'well' | 'near' | 'full' {
  const used = share(quota);
  return used >= 0.95 ? 'full' : used >= 0.8 ? 'near' : 'well';
}

/** What instances need: cores and MiB of memory, for each of `count`. */
export interface Need {
  count: number;
  cores: number;
  ram: number;
}

export interface Excess {
  what: keyof ComputeLimits;
  needed: number;
  free: number;
}

/** What of the quota a request would exceed. */
export function exceeded(limits: ComputeLimits, need: Need): Excess[] {
  const wanted: Record<keyof ComputeLimits, number> = {
    instances: need.count,
    cores: need.count * need.cores,
    ram: need.count * need.ram,
  };
  return (Object.keys(wanted) as (keyof ComputeLimits)[])
    .map((what) => ({ what, needed: wanted[what], free: free(limits[what]) }))
    .filter(({ needed, free: left }) => needed > left);
}

/** How many more instances of this size the quota leaves room for; `Infinity` without limits. */
export function fits(limits: ComputeLimits, size: { cores: number; ram: number }): number {
  return Math.min(
    free(limits.instances),
    Math.floor(free(limits.cores) / Math.max(1, size.cores)),
    Math.floor(free(limits.ram) / Math.max(1, size.ram)),
  );
}
