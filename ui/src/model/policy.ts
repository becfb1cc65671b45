/** Lists that people fill in. Pure. */

/** The place of the first row in which a field that has to be filled in is empty, or `null`. */
export function missing(rows: readonly Readonly<Record<string, string>>[], field: string): number | null {
  const place = rows.findIndex((row) => (row[field] ?? '').trim() === '');
  return place < 0 ? null : place;
}
