/** Which format a disk image is in, by how the file begins. Pure; the signatures are those of QEMU's block drivers. */

const SIGNATURES: readonly [string, number, string][] = [
  ['qcow2', 0, 'QFI\xfb'],
  ['vmdk', 0, 'KDMV'],
  ['vmdk', 0, '# Disk DescriptorFile'],
  ['vhdx', 0, 'vhdxfile'],
  ['vhd', 0, 'conectix'],
  ['vdi', 64, '\x7f\x10\xda\xbe'],
  ['iso', 0x8001, 'CD001'],
];

/** Glance's name of the format; what has no signature is `raw`. */
export function formatOf(start: Uint8Array): string {
  const found = SIGNATURES.find(([, offset, text]) => Array.from(text).every((letter, index) => start[offset + index] === letter.charCodeAt(0)));
  return found?.[0] ?? 'raw';
}
