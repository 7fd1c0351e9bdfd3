// SPDX-License-Identifier: Apache-2.0
/** When somebody is warned that the session ends. */
import type { Session } from '../api/session';

const MINUTE = 60_000;
/** Before the end, or a quarter of a session that is shorter. */
const WARNED_BEFORE = 2 * MINUTE;
/** Part of its time after which the store renews a session: it may end by so much earlier. */
const RENEWED_AFTER = 0.1;

/**
 * `rest`: it ends because nothing is done, from `at` on; `limit`: it ends at `at` whatever is done.
 * Both in milliseconds since the epoch.
 */
export interface Ending {
  why: 'rest' | 'limit';
  at: number;
}

/** The end that somebody should hear of now; null while there is none. */
export function endingOf(
  { signedInBy, minutes, endsAt }: Pick<Session, 'signedInBy' | 'minutes' | 'endsAt'>,
  answeredAt: number,
  now: number,
): Ending | null {
  if (signedInBy !== 'session' || !endsAt) return null;
  const lasts = minutes * MINUTE;
  const before = Math.min(WARNED_BEFORE, lasts / 4);
  const limit = Date.parse(endsAt);
  if (now >= limit - before) return { why: 'limit', at: limit };
  const rest = answeredAt + lasts * (1 - RENEWED_AFTER);
  return now >= rest - before ? { why: 'rest', at: rest } : null;
}
