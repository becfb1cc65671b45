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

const ZEROES = '0'.repeat(15);
const BEYOND_ASCII = /[^ -~]/;
const [ZERO, NINE] = [48, 57];

/**
 * A text by which texts are ordered as people do, without looking at case and accents: `web-10` comes after `web-9`. Every
 * number in it is filled up with zeroes, letter by letter: a regular expression takes ten times as long.
 */
export function sortKey(text: string): string {
  const plain = BEYOND_ASCII.test(text) ? text.normalize('NFD').replaceAll(/\p{M}/gu, '') : text;
  const lower = plain.toLowerCase();
  let key = '';
  let kept = 0;
  for (let place = 0; place < lower.length; place += 1) {
    if (!isDigit(lower, place)) continue;
    const begin = place;
    while (isDigit(lower, place + 1)) place += 1;
    key += lower.slice(kept, begin) + ZEROES.slice(place + 1 - begin) + lower.slice(begin, place + 1);
    kept = place + 1;
  }
  return key + lower.slice(kept);
}

function isDigit(text: string, place: number): boolean {
  const code = text.charCodeAt(place);
  return code >= ZERO && code <= NINE;
}

/** The same function, which does not look again at a row that it was asked about before. */
function remembering<T, V>(made: (row: T) => V): (row: T) => V {
  const known = new WeakMap<object, { value: V }>();
  return (row) => {
    if (typeof row !== 'object' || row === null) return made(row);
    const found = known.get(row) ?? { value: made(row) };
    known.set(row, found);
    return found.value;
  };
}

/** What gives the text in which a row is searched. */
export function haystackOf<T>(columns: readonly Valued<T>[], extra?: (row: T) => string): (row: T) => string {
  return remembering((row) => `${columns.map(({ value }) => value(row)).join('\n')}\n${extra?.(row) ?? ''}`.toLowerCase());
}

const sortKeys = new WeakMap<object, unknown>();

/** What gives the key by which a column orders a row, for as long as the column is the same. */
function keyOf<T>(column: Valued<T>): (row: T) => string | number {
  const known = sortKeys.get(column) as ((row: T) => string | number) | undefined;
  if (known !== undefined) return known;
  const made = remembering((row: T) => { const value = column.value(row); return typeof value === 'number' ? value : sortKey(value); });
  sortKeys.set(column, made);
  return made;
}

/** The rows that hold every word of the text. */
export function matching<T>(rows: readonly T[], texts: readonly string[], wanted: string): readonly T[] {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return rows;
  return rows.filter((_, index) => words.every((word) => texts[index]?.includes(word) === true));
}

/** The rows in order; rows of the same value stay as they were. */
export function ordered<T>(rows: readonly T[], columns: readonly Valued<T>[], order: Order | null): readonly T[] {
  const column = columns.find(({ key }) => key === order?.key);
  if (order === null || column === undefined) return rows;
  const key = keyOf(column);
  const keyed = rows.map((row) => [key(row), row] as const);
  const sign = order.descending ? -1 : 1;
  keyed.sort(([a], [b]) => (a === b ? 0 : a < b ? -sign : sign));
  return keyed.map(([, row]) => row);
}

/** How many rows there are of each value, the most frequent first. */
export function counts<T>(rows: readonly T[], value: (row: T) => string): [string, number][] {
  const found = new Map<string, number>();
  for (const row of rows) {
    const each = value(row);
    found.set(each, (found.get(each) ?? 0) + 1);
  }
  return [...found].sort(([a, x], [b, y]) => y - x || (sortKey(a) < sortKey(b) ? -1 : 1));
}

const SAMPLE = 300;
const [FEWEST, MOST] = [5, 34];
/** A moment is shown as how long ago it was. */
const MOMENT = /^\d{4}-\d\d-\d\dT/;
const AGO = 15;
/** Letters that a column keeps, where it needs as many, before the table is scrolled to the side. */
const KEPT = 12;
/** What the arrow of a heading takes. */
const SIGN = 3;
/** What the sign and the frame of a state take. */
const FRAME = 6;

/**
 * How many letters wide a column should be: as its heading and most of its values need, within bounds, and how many it
 * keeps where there is little room: a moment is said whole or not at all. Said beforehand, so that a row can be laid out
 * without looking at any other.
 */
export function lettersOf<T>(
  { value, title, render }: Valued<T> & { title: string; render?: unknown }, rows: readonly T[],
): { wanted: number; kept: number } {
  const step = Math.max(1, Math.floor(rows.length / SAMPLE));
  let letters = title.length + SIGN;
  let kept = KEPT;
  for (let place = 0; place < rows.length; place += step) {
    const text = String(value(rows[place] as T));
    const moment = MOMENT.test(text);
    if (moment) kept = AGO;
    const needed = moment ? AGO : text.length + (render === undefined ? 0 : FRAME);
    if (needed > letters) letters = needed;
  }
  const wanted = Math.min(MOST, Math.max(FEWEST, letters));
  return { wanted, kept: Math.min(wanted, kept) };
}
