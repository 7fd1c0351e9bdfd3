// SPDX-License-Identifier: Apache-2.0
import type { JobRow } from '../api/schema';

/** Before these, how fast it went says little of the rest. */
const PART = 0.05;
const SECONDS = 5;

/** Seconds that a job will still take, as fast as it went so far; null where nobody can tell. */
export function secondsLeft({
  state,
  progress,
  runtime,
}: Pick<JobRow, 'state' | 'progress' | 'runtime'>): number | null {
  if (state !== 'Running' || progress < PART || runtime < SECONDS) return null;
  return (runtime * (1 - progress)) / progress;
}
