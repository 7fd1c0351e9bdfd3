// SPDX-License-Identifier: Apache-2.0
/** Whether the store can be reached, as requests to it tell. */
import { useSyncExternalStore } from 'react';

/**
 * `doubtful`: a request got no answer, which one path alone may be the reason of; `away`: neither
 * did the one that was asked because of it.
 */
export type Reach = 'there' | 'doubtful' | 'away';

/** No answer, or that of a proxy which gets none. */
const UNREACHED = [0, 502, 504];
/** Where the pages of a browser, which share a session, tell each other of answers. */
const KEY = 'pons-explorer-answered';
/** Milliseconds; each write wakes the other pages. */
const WRITTEN_EVERY = 5_000;
/** By how many milliseconds the clocks of the store and of this machine may differ. */
const CLOCKS_DIFFER = 60_000;

let reach: Reach = 'there';
let lastAnswer = 0;
let written = 0;
const listeners = new Set<() => void>();

function become(now: Reach): void {
  if (now === reach) return;
  reach = now;
  for (const listener of listeners) listener();
}

export const isUnreached = (status: number): boolean => UNREACHED.includes(status);

/** To be called with the status of each answer; 0 where none came. */
export function heard(status: number, now = Date.now()): void {
  if (isUnreached(status)) {
    if (reach === 'there') become('doubtful');
    return;
  }
  lastAnswer = now;
  if (now - written >= WRITTEN_EVERY) {
    written = now;
    try {
      localStorage.setItem(KEY, String(now));
    } catch {
      // A browser that keeps nothing has other pages ask for themselves.
    }
  }
  become('there');
}

/** To be called where what was asked in doubt has got no answer either. */
export function confirmAway(): void {
  if (reach === 'doubtful') become('away');
}

/** Whether an answer is the store's of now, and not one that the browser has kept. */
export function isOfNow({ headers }: Pick<Response, 'headers'>, now = Date.now()): boolean {
  return Math.abs(now - Date.parse(headers.get('Date') ?? '')) < CLOCKS_DIFFER;
}

/** When the store has answered a page of this browser last, in milliseconds since the epoch. */
export function answeredAt(): number {
  try {
    return Math.max(lastAnswer, Number(localStorage.getItem(KEY)) || 0);
  } catch {
    return lastAnswer;
  }
}

export const reachNow = (): Reach => reach;

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useReach = (): Reach => useSyncExternalStore(subscribe, reachNow);
