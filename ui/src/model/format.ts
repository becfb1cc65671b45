/** Numbers, sizes and times as people read them. Pure. */

/** Bytes in binary units: 1536 → `1.5 KiB`. */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : Number(value.toFixed(1))} ${units[unit] ?? ''}`;
}

/** MiB as people say it: 2048 → `2 GiB`. */
export function mebibytes(count: number): string {
  return bytes(count * 1024 * 1024);
}

/** OpenStack's times: some have no zone and are UTC. */
export function instant(text: string): Date {
  return new Date(/(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 365 * 86400], ['month', 30 * 86400], ['day', 86400], ['hour', 3600], ['minute', 60],
];

/** Formatters by language: to make one takes longer than to use it a hundred times. */
class Formatters<T> {
  private readonly made = new Map<string, T>();

  constructor(private readonly make: (language: string) => T) {}

  of(language: string): T {
    const formatter = this.made.get(language) ?? this.make(language);
    this.made.set(language, formatter);
    return formatter;
  }
}

const RELATIVE = new Formatters((language) => new Intl.RelativeTimeFormat(language, { numeric: 'auto' }));
const MOMENTS = new Formatters((language) => new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' }));

/** How long ago: `3 minutes ago`. */
export function ago(text: string, now: number, language = 'en'): string {
  const seconds = Math.round((instant(text).getTime() - now) / 1000);
  const relative = RELATIVE.of(language);
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) >= length) return relative.format(Math.trunc(seconds / length), unit);
  }
  return relative.format(Math.min(0, Math.trunc(seconds / 10) * 10), 'second');
}

/** Seconds since 1970 as a moment's text; nothing as nothing. */
export function moment(seconds: number | null): string | null {
  return seconds === null ? null : new Date(seconds * 1000).toISOString();
}

/** A day and time in the reader's own zone. */
export function dateTime(text: string, language = 'en'): string {
  return MOMENTS.of(language).format(instant(text));
}

/** Seconds between two moments: `1 m 5 s`. */
export function duration(from: string, to: string): string {
  const seconds = Math.max(0, Math.round((instant(to).getTime() - instant(from).getTime()) / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} m`;
}
