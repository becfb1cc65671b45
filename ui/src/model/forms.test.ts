import { describe, expect, it } from 'vitest';

import type { NetworkTemplate } from '../api/plane';
import { formOf, NEW_NETWORK, problemOf, templateOf, type TemplateForm } from './networkTemplate';
import { line } from './json';
import { missing } from './policy';

const TEMPLATE: NetworkTemplate = {
  physical_networks: {
    'physnet1': {
      flat: true, vlans: ['100-199', '300'], bridge: 'br-provider', interface: null, mtu: 9000,
      hosts: { 'host-1': { interface: 'eth2', bridge: 'br-other', address: null, absent: false }, 'host-2': { interface: null, bridge: null, address: null, absent: true } },
    },
  },
  overlay: { type: 'geneve', interface: 'eth1', mtu: 1442, hosts: { 'host-1': { interface: null, address: '10.0.0.1' } } },
};

function changed(network: Record<string, string>, hosts: Record<string, string>[] = []): TemplateForm {
  const { overlay } = formOf(TEMPLATE);
  return { networks: [{ fields: { ...NEW_NETWORK.fields, name: 'one', bridge: 'br-one', ...network }, hosts }], overlay };
}

describe('a network template', () => {
  it('comes back from its form as it was', () => {
    expect(templateOf(formOf(TEMPLATE))).toEqual(TEMPLATE);
  });

  it('is read as people write: with spaces, and empty where nothing is meant', () => {
    const { physical_networks: networks } = templateOf(changed({ name: ' one ', vlans: '10-19  30,40', interface: ' ', mtu: '' }, [{ host: ' h ', bridge: 'br-h' }]));
    expect(networks.one).toEqual({
      flat: true, vlans: ['10-19', '30', '40'], bridge: 'br-one', interface: null, mtu: null,
      hosts: { h: { interface: null, bridge: 'br-h', address: null, absent: false } },
    });
  });

  it.each<[string, TemplateForm, ReturnType<typeof problemOf>]>([
    ['nothing', changed({}), null],
    ['a network without name', changed({ name: ' ' }), { what: 'name', network: '1' }],
    ['neither flat nor VLANs', changed({ flat: '' }), { what: 'neither', network: 'one' }],
    ['no bridge', changed({ bridge: '' }), { what: 'bridge', network: 'one' }],
    ['an exception for no host', changed({}, [{ host: '' }]), { what: 'host', network: 'one' }],
    ['an exception for no host in the overlay', { ...changed({}), overlay: { fields: { mtu: '1500' }, hosts: [{ host: '' }] } }, { what: 'host', network: '' }],
    ['two exceptions for one host', changed({}, [{ host: 'h' }, { host: ' h ' }]), { what: 'hostTwice', network: 'one' }],
    ['two exceptions for one host in the overlay', { ...changed({}), overlay: { fields: { mtu: '1500' }, hosts: [{ host: 'h' }, { host: 'h' }] } }, { what: 'hostTwice', network: '' }],
    ['an overlay that IPv6 does not fit in', { ...changed({}), overlay: { fields: { mtu: '1279' }, hosts: [] } }, { what: 'mtu', network: '' }],
  ])('is wrong for %s', (_what, form, problem) => {
    expect(problemOf(form)).toEqual(problem);
  });

  it('is wrong for two networks of one name', () => {
    const form = changed({});
    expect(problemOf({ ...form, networks: [...form.networks, ...form.networks] })).toEqual({ what: 'twice', network: 'one' });
  });
});

describe('a policy', () => {
  it('tells the first row whose field is empty', () => {
    expect(missing([{ project: 'a' }, { project: ' ' }, {}], 'project')).toBe(1);
    expect(missing([{ project: 'a' }], 'project')).toBeNull();
  });
});

describe('what a flat object says', () => {
  it('is a line', () => expect(line({ roles: ['network', 'hypervisor'], uses_left: 1, operation: 'x' }, ['operation'])).toBe('roles: network, hypervisor; uses left: 1'));
});
