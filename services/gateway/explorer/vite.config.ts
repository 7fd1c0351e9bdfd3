// SPDX-License-Identifier: Apache-2.0
/** How Explorer is built: for the path /explorer/, without a word of code outside its own files. */
import optimizeLocales from '@react-aria/optimize-locales-plugin';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  base: '/explorer/',
  plugins: [
    react(),
    { ...optimizeLocales.vite({ locales: ['en-US', 'de-DE', 'fr-FR'] }), enforce: 'pre' },
  ],
  build: {
    // Inline scripts and data: addresses are what the page's policy forbids.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: 'manifest.json',
    sourcemap: false,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1000,
  },
  server: {
    // `npm run dev` beside a store at its own port.
    proxy: {
      '^/(?!explorer/)': 'http://127.0.0.1:8042',
      '/explorer/api': 'http://127.0.0.1:8042',
    },
  },
  test: {
    environment: 'node',
    include: ['src/**/*.test.ts'],
  },
});
