/** Text as key presses (X11's keysyms). Pure. */

const CONTROLS: Record<string, number> = { '\n': 0xff0d, '\t': 0xff09, '\b': 0xff08 };

/** The keysyms that type a text: Latin-1 is itself, the rest is Unicode plus 0x01000000 (X11 protocol, appendix A). */
export function keysyms(text: string): number[] {
  return Array.from(text.replaceAll('\r\n', '\n')).map((letter) => {
    const point = letter.codePointAt(0) ?? 0;
    return CONTROLS[letter] ?? (point < 0x100 ? point : 0x01000000 + point);
  });
}
