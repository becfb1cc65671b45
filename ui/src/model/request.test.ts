import { describe, expect, it } from 'vitest';

import { asCommandLine, asTerraform, base64, hclText, inRegion, type InstanceRequest, newRequest, newVolume, problems, serverBody, shellWord } from './request';

const WANTED: InstanceRequest = {
  name: 'web', description: '', count: 1, region: 'demo-1', zone: '', source: { kind: 'image', id: 'img', name: 'debian 12' }, rootVolume: null,
  flavor: { id: 'f', name: 'small' }, networks: [{ id: 'net', name: 'private' }], securityGroups: [], key: '', userData: '', configDrive: false,
};

describe('the request to Nova', () => {
  it('asks for exactly what was wanted', () => {
    expect(serverBody({ ...WANTED, count: 3, key: 'laptop', userData: '#!/bin/sh', zone: 'nova' })).toEqual({
      server: {
        name: 'web', flavorRef: 'f', imageRef: 'img', networks: [{ uuid: 'net' }], min_count: 3, max_count: 3,
        key_name: 'laptop', user_data: base64('#!/bin/sh'), availability_zone: 'nova',
      },
    });
  });

  it('makes a root volume of an image', () => {
    const body = serverBody({ ...WANTED, rootVolume: { size: 30, deleteWithInstance: true } }) as { server: Record<string, unknown> };
    expect(body.server.imageRef).toBeUndefined();
    expect(body.server.block_device_mapping_v2).toEqual([
      { boot_index: 0, uuid: 'img', destination_type: 'volume', source_type: 'image', volume_size: 30, delete_on_termination: true },
    ]);
  });

  it('keeps a volume that was there before', () => {
    const body = serverBody({ ...WANTED, source: { kind: 'volume', id: 'vol', name: '' } }) as { server: Record<string, unknown> };
    expect(body.server.block_device_mapping_v2).toEqual([
      { boot_index: 0, uuid: 'vol', destination_type: 'volume', source_type: 'volume', delete_on_termination: false },
    ]);
  });
});

describe('what is wrong before anything is sent', () => {
  it('finds nothing wrong with a whole request', () => expect(problems(WANTED)).toEqual([]));
  it('finds what is missing', () => {
    expect(problems({ ...WANTED, name: ' ', networks: [], flavor: { id: '', name: '' } })).toEqual(['name', 'flavor', 'network']);
  });
  it('does not give one volume to many', () => {
    expect(problems({ ...WANTED, count: 2, source: { kind: 'volume', id: 'v', name: '' } })).toContain('volumeCount');
  });
  it('refuses user data that Nova would refuse', () => expect(problems({ ...WANTED, userData: 'x'.repeat(60_000) })).toContain('userData'));
});

describe('what a root disk takes of volumes', () => {
  const snapshots = [{ id: 's', size: 7 }];
  it.each<[string, Partial<InstanceRequest>, number | null]>([
    ['an image on its host', {}, null],
    ['an image on a new volume', { rootVolume: { size: 30, deleteWithInstance: true } }, 30],
    ['a snapshot', { source: { kind: 'snapshot', id: 's', name: '' } }, 7],
    ['a volume that is there', { source: { kind: 'volume', id: 'v', name: '' } }, null],
  ])('%s', (_what, change, size) => expect(newVolume({ ...WANTED, ...change }, snapshots)).toBe(size));
});

describe('another region', () => {
  it('keeps what was typed, and nothing that is of a region', () => {
    const filled = { ...WANTED, description: 'for the shop', count: 2, userData: 'x', configDrive: true, zone: 'z', key: 'k', securityGroups: [{ id: 'g', name: 'g' }] };
    expect(inRegion(filled, 'demo-2')).toEqual({
      ...newRequest('demo-2'), name: 'web', description: 'for the shop', count: 2, userData: 'x', configDrive: true,
    });
  });
});

describe('the same as code', () => {
  it('quotes words for the shell', () => {
    expect(shellWord('plain-1.2')).toBe('plain-1.2');
    expect(shellWord("it's $HOME")).toBe(`'it'\\''s $HOME'`);
    expect(shellWord('')).toBe("''");
  });

  it('is a command line', () => {
    expect(asCommandLine({ ...WANTED, count: 2 })).toBe(
      "openstack --os-region-name demo-1 server create \\\n  --flavor small \\\n  --image img \\\n  --network net \\\n  --min 2 --max 2 \\\n  web",
    );
  });

  it('says in a command what becomes of a root volume', () => {
    expect(asCommandLine({ ...WANTED, rootVolume: { size: 30, deleteWithInstance: true } })).toContain(
      '--block-device boot_index=0,uuid=img,destination_type=volume,source_type=image,volume_size=30,delete_on_termination=true \\\n',
    );
  });

  it('ends user data where it ends', () => {
    expect(asCommandLine({ ...WANTED, userData: '#!/bin/sh\nid\n' })).toContain("<<'END'\n#!/bin/sh\nid\nEND\n");
  });

  it('does not end user data at a line of its own', () => {
    expect(asCommandLine({ ...WANTED, userData: "cat <<END\nx\nEND\nid" })).toContain("<<'END_'\ncat <<END\nx\nEND\nid\nEND_\n");
  });

  it('quotes texts for Terraform', () => expect(hclText('a "b" ${c}\n')).toBe('"a \\"b\\" $${c}\\n"'));

  it('is Terraform', () => {
    const code = asTerraform({ ...WANTED, count: 2, rootVolume: { size: 30, deleteWithInstance: false } });
    expect(code).toContain('resource "openstack_compute_instance_v2" "web" {');
    expect(code).toContain('name = "web-${count.index + 1}"');
    expect(code).toContain('    volume_size = 30');
    expect(code).toContain('    delete_on_termination = false');
    expect(code).not.toContain('image_id');
  });
});
