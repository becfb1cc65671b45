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

/** What of quotas something takes. `ram` in MiB, `gigabytes` in GiB. */
export type Amounts = Partial<Record<QuotaName, number>>;

export type QuotaName = keyof ComputeLimits | 'volumes' | 'gigabytes' | 'port';

/** The quotas that are known. */
export type Quotas = Partial<Record<QuotaName, Quota>>;

/** What one instance takes: a port in each network, and a volume where its root disk is put on a new one (of `volume` GiB). */
export function amountsOf({ cores, ram, ports, volume }: { cores: number; ram: number; ports: number; volume: number | null }): Amounts {
  return { instances: 1, cores, ram, port: ports, ...(volume === null ? {} : { volumes: 1, gigabytes: volume }) };
}

/** The same for many. */
export function times(count: number, each: Amounts): Amounts {
  return Object.fromEntries(Object.entries(each).map(([what, amount]) => [what, count * amount]));
}

export interface Excess {
  what: QuotaName;
  needed: number;
  free: number;
}

/** What of the quotas a request would exceed. */
export function exceeded(quotas: Quotas, amounts: Amounts): Excess[] {
  return pairs(quotas, amounts).map(([what, needed, quota]) => ({ what, needed, free: free(quota) })).filter(({ needed, free: left }) => needed > left);
}

/** How many more of this size the quotas leave room for; `Infinity` without limits. */
export function fits(quotas: Quotas, each: Amounts): number {
  return Math.min(Infinity, ...pairs(quotas, each).filter(([, amount]) => amount > 0).map(([, amount, quota]) => Math.floor(free(quota) / amount)));
}

function pairs(quotas: Quotas, amounts: Amounts): [QuotaName, number, Quota][] {
  return (Object.keys(amounts) as QuotaName[]).flatMap((what) => {
    const quota = quotas[what];
    return quota === undefined ? [] : [[what, amounts[what] ?? 0, quota] as [QuotaName, number, Quota]];
  });
}
