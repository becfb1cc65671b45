import { describe, expect, it } from 'vitest';

import type { Aggregate } from '../api/types';
import { ledTo, zoneTitle } from './aggregates';

const aggregate = (name: string, metadata: Record<string, string>, zone: string | null = null): Aggregate => ({ id: 1, name, availability_zone: zone, hosts: [], metadata });
const ALL = [aggregate('fast', { disk: 'ssd' }, 'z1'), aggregate('slow', { disk: 'hdd' }, 'z1'), aggregate('both', { disk: 'ssd, hdd', gpu: 'yes' })];
const led = (specs: Record<string, string>) => ledTo({ extra_specs: specs }, ALL).map(({ name }) => name);

describe('the aggregates that a flavor leads to', () => {
  it.each<[string, Record<string, string>, string[]]>([
    ['none without extra specs', {}, []],
    ['none for those of others', { 'hw:cpu_policy': 'dedicated' }, []],
    ['those with the property', { 'aggregate_instance_extra_specs:disk': 'ssd' }, ['fast', 'both']],
    ['those with one of the values', { 'aggregate_instance_extra_specs:disk': '<or> ssd <or> hdd' }, ['fast', 'slow', 'both']],
    ['those with all properties', { 'aggregate_instance_extra_specs:disk': 'ssd', 'aggregate_instance_extra_specs:gpu': 'yes' }, ['both']],
  ])('%s', (_what, specs, names) => expect(led(specs)).toEqual(names));
});

describe('a zone', () => {
  it('is told with its aggregates', () => expect(['z1', 'nova'].map((zone) => zoneTitle(zone, ALL))).toEqual(['z1 (fast, slow)', 'nova']));
});
