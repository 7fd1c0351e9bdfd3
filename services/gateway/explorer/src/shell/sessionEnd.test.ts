// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { endingOf } from './sessionEnd';

const MINUTE = 60_000;
const begun = Date.parse('2026-05-14T08:00:00Z');
const session = { signedInBy: 'session', minutes: 30, endsAt: '2026-05-14T20:00:00Z' } as const;
const past = (minutes: number) => begun + minutes * MINUTE;

describe('the end of a session', () => {
  it('is told two minutes before it may come, counted from the last answer', () => {
    expect(endingOf(session, begun, past(24.9))).toBeNull();
    expect(endingOf(session, begun, past(25))).toEqual({ why: 'rest', at: past(27) });
    expect(endingOf(session, past(20), past(25))).toBeNull();
  });
  it('is told two minutes before the longest time is over, whatever was answered', () => {
    const end = Date.parse(session.endsAt);
    expect(endingOf(session, end - 3 * MINUTE, end - 2.1 * MINUTE)).toBeNull();
    expect(endingOf(session, end - 3 * MINUTE, end - 2 * MINUTE)).toEqual({
      why: 'limit',
      at: end,
    });
  });
  it('is told for a quarter of a short session', () => {
    expect(endingOf({ ...session, minutes: 4 }, begun, past(2.5))).toBeNull();
    expect(endingOf({ ...session, minutes: 4 }, begun, past(2.6))?.why).toBe('rest');
  });
  it('is none for who has no session', () => {
    expect(endingOf({ signedInBy: 'basic', minutes: 0, endsAt: null }, 0, past(900))).toBeNull();
  });
});
