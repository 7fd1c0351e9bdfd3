// SPDX-License-Identifier: Apache-2.0
/** Builds beside what is served, and puts the new files in its place when all of them are there. */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { build } from 'vite';
import { checkBudget } from './budget.mjs';
import { compress } from './compress.mjs';

const DIST = new URL('../dist', import.meta.url).pathname;
const FRESH = `${DIST}.new`;
const OLD = `${DIST}.old`;

await build({ build: { outDir: FRESH, emptyOutDir: true }, logLevel: 'warn' });
compress(FRESH);
checkBudget(FRESH);
rmSync(OLD, { recursive: true, force: true });
if (existsSync(DIST)) renameSync(DIST, OLD);
renameSync(FRESH, DIST);
rmSync(OLD, { recursive: true, force: true });
