// SPDX-License-Identifier: Apache-2.0
/** Whether the store can be reached, as every request to it tells. */
import { useSyncExternalStore } from 'react';

/** Milliseconds of failures alone after which the store is away; one that passes is not worth a word. */
const PATIENCE = 1_000;
/** No answer, or that of a proxy which gets none. */
const UNREACHED = [0, 502, 504];

let failingSince: number | null = null;
let lastAnswer = 0;
let away = false;
const listeners = new Set<() => void>();

/** To be called with the status of each answer; 0 where none came. */
export function heard(status: number, now = Date.now()): void {
  if (UNREACHED.includes(status)) failingSince ??= now;
  else {
    failingSince = null;
    lastAnswer = now;
  }
  const before = away;
  away = failingSince !== null && (before || now - failingSince >= PATIENCE);
  if (away !== before) for (const listener of listeners) listener();
}

/** When the store has answered this page for the last time, in milliseconds since the epoch. */
export const answeredAt = (): number => lastAnswer;

export const isAway = (): boolean => away;

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useAway = (): boolean => useSyncExternalStore(subscribe, isAway);
