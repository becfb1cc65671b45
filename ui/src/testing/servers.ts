/** Instances for tests. */
import type { Server } from '../api/types';

/** A running instance, with what a test wants otherwise. */
export function aServer(change: Partial<Server> = {}): Server {
  return {
    id: 'i-1', name: 'web-1', status: 'ACTIVE', tenant_id: 'p', user_id: 'u', created: '2026-01-01T00:00:00Z', updated: '2026-01-01T00:00:00Z',
    description: null, locked: false, key_name: null, config_drive: '', tags: [], metadata: {},
    addresses: { private: [{ addr: '10.0.0.5', version: 4, 'OS-EXT-IPS-MAC:mac_addr': 'fa:16:3e:00:00:01' }] },
    flavor: { original_name: 'small', vcpus: 1, ram: 2048, disk: 20, ephemeral: 0, swap: 0 }, image: { id: 'image' },
    'OS-EXT-STS:vm_state': 'active', 'OS-EXT-STS:task_state': null, 'OS-EXT-STS:power_state': 1, 'OS-EXT-AZ:availability_zone': 'nova',
    'OS-SRV-USG:launched_at': null, 'os-extended-volumes:volumes_attached': [], ...change,
  };
}
