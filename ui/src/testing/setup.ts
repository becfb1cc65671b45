/** What jsdom lacks and pages use. */
import { cleanup } from '@testing-library/react';
import { afterEach } from 'vitest';

const media = { matches: false, addEventListener: () => undefined, removeEventListener: () => undefined };
window.matchMedia = (query: string) => ({ ...media, media: query }) as unknown as MediaQueryList;

for (const [side, size] of [['clientWidth', 1200], ['clientHeight', 800]] as const) {
  Object.defineProperty(HTMLElement.prototype, side, { configurable: true, value: size });
}

afterEach(cleanup);
