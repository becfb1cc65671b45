/** Host aggregates, as people who create instances meet them. Pure. */
import type { Aggregate, Flavor } from '../api/types';

/** Scope of the extra specs that Nova's AggregateInstanceExtraSpecsFilter compares with aggregates' properties. */
const SCOPE = 'aggregate_instance_extra_specs:';
const EITHER = '<or>';

/** The aggregates that a flavor's extra specs lead to; none where it asks for nothing of aggregates. */
export function ledTo({ extra_specs: specs = {} }: Pick<Flavor, 'extra_specs'>, aggregates: readonly Aggregate[]): Aggregate[] {
  const asked = Object.entries(specs).filter(([key]) => key.startsWith(SCOPE)).map(([key, value]) => [key.slice(SCOPE.length), value] as const);
  if (asked.length === 0) return [];
  return aggregates.filter(({ metadata }) => asked.every(([key, wanted]) => {
    const values = (metadata[key] ?? '').split(',').map((one) => one.trim());
    return wanted.split(EITHER).map((one) => one.trim()).filter(Boolean).some((one) => values.includes(one));
  }));
}

/** An availability zone, with the aggregates that make it. */
export function zoneTitle(zone: string, aggregates: readonly Aggregate[]): string {
  const names = aggregates.filter((one) => one.availability_zone === zone).map(({ name }) => name);
  return names.length === 0 ? zone : `${zone} (${names.join(', ')})`;
}
