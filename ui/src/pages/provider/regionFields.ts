import { useQuery } from '@tanstack/react-query';

import { planeQueries } from '../../api/plane';
import type { Field, Values } from '../../parts/FormDialog';
import { texts } from '../../texts';
import { releaseField } from './upgradeActions';

const t = texts.customers;

/** The fields of a region's limits, with those that it has. */
export function limitFields(limits: { memory_mib: number | null; cpu_cores: number | null }): Field[] {
  return [
    { name: 'memory', title: t.fields.memory, kind: 'number', minimum: 256, initial: String(limits.memory_mib ?? '') },
    { name: 'cpu', title: t.fields.cpu, initial: String(limits.cpu_cores ?? '') },
  ];
}

/** The limits that the fields say. */
export function limitsOf({ memory, cpu }: Values) {
  return { memory_mib: memory ? Number(memory) : null, cpu_cores: cpu ? Number(cpu) : null };
}

/** The fields of a region that is to be made (its release, optional services, limits), and the request that they say. */
export function useNewRegion(): { fields: Field[]; body: (values: Values) => unknown } {
  const releases = useQuery(planeQueries.releases());
  const regions = useQuery(planeQueries.regions());
  const optional = [...new Set((regions.data ?? []).flatMap(({ services }) => Object.keys(services)))];
  const choices = optional.map((name) => ({ value: name, title: name }));
  return {
    fields: [
      releaseField((releases.data ?? []).filter(({ state }) => state === 'ready')),
      ...(choices.length === 0 ? [] : [{ name: 'services', title: t.fields.services, kind: 'many' as const, help: t.servicesHelp, initial: optional.join(','), choices }]),
      ...limitFields({ memory_mib: null, cpu_cores: null }),
    ],
    body: ({ region, release, services = '', ...limits }) => ({
      ...(region ? { name: region } : {}), ...(release ? { release } : {}), limits: limitsOf(limits),
      services: Object.fromEntries(optional.map((name) => [name, services.split(',').includes(name)])),
    }),
  };
}
