// SPDX-License-Identifier: Apache-2.0
/** How far a job is. */
import type { JobRow } from '../api/schema';

/** Before these, how fast it went says little of the rest. */
const PART = 0.05;
const SECONDS = 5;

/** How many arrived: those that were not taken have had their turn, and count as progress. */
export function arrived({
  count,
  failed,
  progress,
  state,
}: Pick<JobRow, 'failed' | 'progress' | 'state'> & { count: number }): number {
  return Math.max(0, (state === 'Success' ? count : Math.round(progress * count)) - failed);
}

/** Seconds that a job will still take, as fast as it went so far; null where nobody can tell. */
export function secondsLeft({
  state,
  progress,
  runtime,
}: Pick<JobRow, 'state' | 'progress' | 'runtime'>): number | null {
  if (state !== 'Running' || progress < PART || runtime < SECONDS) return null;
  return (runtime * (1 - progress)) / progress;
}
