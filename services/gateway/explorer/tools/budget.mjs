// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** Bytes after gzip of what people wait for on the first page. */
const LIMITS = { js: 250_000, css: 25_000 };
/** Beside the entry: one language, and the page that it shows. */
const LOADED_AT_ONCE = ['src/messages/de/index.ts', 'src/studies/StudiesPage.tsx'];

/** Prints what the first page loads, and throws when that is too much. */
export function checkBudget(folder) {
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
  const files = new Set();
  const reached = new Set();
  const follow = (name) => {
    if (reached.has(name)) return;
    reached.add(name);
    const chunk = manifest[name];
    if (!chunk)
      throw new Error(`the build has no ${name}: say in budget.mjs what is loaded at once`);
    for (const file of [chunk.file, ...(chunk.css ?? [])]) files.add(file);
    for (const next of chunk.imports ?? []) follow(next);
  };
  for (const name of ['index.html', ...LOADED_AT_ONCE]) follow(name);

  const sums = { js: 0, css: 0 };
  for (const file of [...files].sort()) {
    const size = gzipSync(readFileSync(join(folder, file)), { level: 9 }).length;
    sums[file.split('.').pop()] += size;
    console.log(`${String(size).padStart(8)}  ${file}`);
  }
  for (const [kind, limit] of Object.entries(LIMITS)) {
    console.log(`${String(sums[kind]).padStart(8)}  ${kind} of the first page, at most ${limit}`);
    if (sums[kind] > limit) {
      throw new Error(
        `error: the first page has ${sums[kind]} bytes of ${kind}, more than ${limit}: load what it does not show at once by import()`,
      );
    }
  }
}
