/** Finding and ordering rows of a table. Pure, and quick enough for thousands of rows at each key press. */

/** A column: `value` is what rows are found and ordered by. */
export interface Valued<T> {
  key: string;
  value: (row: T) => string | number;
}

export interface Order {
  key: string;
  descending: boolean;
}

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

/** The text in which a row is searched, for every row. */
export function haystacks<T>(rows: readonly T[], columns: readonly Valued<T>[], extra?: (row: T) => string): string[] {
  return rows.map((row) => {
    const words = columns.map(({ value }) => value(row));
    return `${words.join('\n')}\n${extra?.(row) ?? ''}`.toLowerCase();
  });
}

/** The rows that hold every word of the text. */
export function matching<T>(rows: readonly T[], texts: readonly string[], wanted: string): T[] {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...rows];
  return rows.filter((_, index) => words.every((word) => texts[index]?.includes(word) === true));
}

/** The rows in order; rows of the same value stay as they were. */
export function ordered<T>(rows: readonly T[], columns: readonly Valued<T>[], order: Order | null): T[] {
  const column = columns.find(({ key }) => key === order?.key);
  if (order === null || column === undefined) return [...rows];
  const keyed = rows.map((row) => [column.value(row), row] as const);
  const sign = order.descending ? -1 : 1;
  keyed.sort(([a], [b]) => sign * compare(a, b));
  return keyed.map(([, row]) => row);
}

function compare(a: string | number, b: string | number): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : collator.compare(String(a), String(b));
}

/** How many rows there are of each value, the most frequent first. */
export function counts<T>(rows: readonly T[], value: (row: T) => string): [string, number][] {
  const found = new Map<string, number>();
  for (const row of rows) found.set(value(row), (found.get(value(row)) ?? 0) + 1);
  return [...found].sort(([a, x], [b, y]) => y - x || collator.compare(a, b));
}
