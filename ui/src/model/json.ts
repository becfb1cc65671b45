/** Values of any kind, as text. Pure. */

/** A value in a cell: text as it is, nothing as nothing, the rest as JSON. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** What a flat object says, as a line: `{ roles: ["a", "b"], uses: 1 }` → `roles: a, b; uses: 1`. */
export function line(record: Readonly<Record<string, unknown>>, without: readonly string[] = []): string {
  return Object.entries(record).filter(([key]) => !without.includes(key))
    .map(([key, value]) => `${key.replaceAll('_', ' ')}: ${Array.isArray(value) ? value.map(shown).join(', ') : shown(value)}`).join('; ');
}
