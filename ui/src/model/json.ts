/** Values of any kind, as text. Pure. */

/** A value in a cell: text as it is, nothing as nothing, the rest as JSON. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
