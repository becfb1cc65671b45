import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const backEnd = process.env.PORTAL_BACK_END ?? 'http://127.0.0.1:7090';
const proxied = ['/face', '/session', '/os', '/api', '/events', '/console'];

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2022',
    // A strict content security policy forbids data: addresses; every picture and font is a file of its own.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 900,
    reportCompressedSize: false,
  },
  server: {
    proxy: Object.fromEntries(
      proxied.map((path) => [path, { target: backEnd, ws: path === '/console', secure: false }]),
    ),
  },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/testing/setup.ts'],
    css: false,
    testTimeout: 60_000,
    server: { deps: { inline: [/@patternfly/] } },
  },
});
