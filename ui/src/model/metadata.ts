/** Metadata as lines of text. Pure. */

/** `key=value` lines of a set of pairs, in order. */
export function asLines(pairs: Readonly<Record<string, string>>): string {
  return Object.entries(pairs).sort(([a], [b]) => a.localeCompare(b)).map(([key, value]) => `${key}=${value}`).join('\n');
}

/** The pairs of such lines; empty lines do not count. `wrong` is the first line that is not a pair. */
export function fromLines(text: string): { pairs: Record<string, string>; wrong?: string } {
  const pairs: Record<string, string> = {};
  for (const line of text.split('\n').map((one) => one.trim()).filter(Boolean)) {
    const at = line.indexOf('=');
    if (at < 1) return { pairs, wrong: line };
    pairs[line.slice(0, at).trim()] = line.slice(at + 1).trim();
  }
  return { pairs };
}
