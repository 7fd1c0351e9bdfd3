// SPDX-License-Identifier: Apache-2.0
/** Fails the build when the first page needs more code than people on a slow line should wait for. */
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const LIMITS = { js: 250_000, css: 25_000 };
const DIST = new URL('../dist/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('manifest.json', DIST), 'utf8'));

const entry = Object.keys(manifest).find((name) => manifest[name].isEntry);
const reached = new Set();
const files = new Set();
const follow = (name) => {
  if (reached.has(name)) return;
  reached.add(name);
  const chunk = manifest[name];
  for (const file of [chunk.file, ...(chunk.css ?? [])]) files.add(file);
  for (const next of chunk.imports ?? []) follow(next);
};
follow(entry);
// One language and the first page are loaded at once too.
for (const name of Object.keys(manifest)) {
  if (/^src\/(messages\/de|studies\/StudiesPage)/.test(name)) follow(name);
}

const sums = { js: 0, css: 0 };
for (const file of [...files].sort()) {
  const size = gzipSync(readFileSync(new URL(file, DIST)), { level: 9 }).length;
  sums[file.split('.').pop()] += size;
  console.log(`${String(size).padStart(8)}  ${file}`);
}
for (const [kind, limit] of Object.entries(LIMITS)) {
  console.log(`${String(sums[kind]).padStart(8)}  ${kind} of the first page, at most ${limit}`);
  if (sums[kind] > limit) process.exitCode = 1;
}
if (process.exitCode) {
  console.error('the first page needs too much: load what it does not show at once by import()');
}
