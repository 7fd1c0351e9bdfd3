// SPDX-License-Identifier: Apache-2.0
import { expect, it, vi } from 'vitest';
import { answeredAt, confirmAway, heard, isOfNow, reachNow, subscribe } from './reach';

it('is away once what was asked in doubt has failed too, and back with the first answer', () => {
  const told: string[] = [];
  const leave = subscribe(() => told.push(reachNow()));
  confirmAway();
  expect(reachNow()).toBe('there');
  heard(502);
  heard(504);
  heard(0);
  expect(reachNow()).toBe('doubtful');
  confirmAway();
  heard(0);
  expect(reachNow()).toBe('away');
  // Whatever the store itself says, it is there.
  heard(503);
  leave();
  expect(told).toEqual(['doubtful', 'away', 'there']);
});

it('is never away while one path alone fails', () => {
  const told: string[] = [];
  const leave = subscribe(() => told.push(reachNow()));
  for (let round = 0; round < 10; round += 1) {
    heard(504);
    heard(200);
    // Too late: meanwhile there was an answer.
    confirmAway();
  }
  leave();
  expect(new Set(told)).toEqual(new Set(['doubtful', 'there']));
});

it('knows of answers to other pages, and tells them of its own now and then', () => {
  const kept = new Map<string, string>();
  const setItem = vi.fn((key: string, value: string) => kept.set(key, value));
  vi.stubGlobal('localStorage', { getItem: (key: string) => kept.get(key) ?? null, setItem });
  const start = Date.now() + 60_000;
  for (let second = 0; second < 11; second += 1) heard(200, start + 1_000 * second);
  expect(setItem).toHaveBeenCalledTimes(3);
  expect(answeredAt()).toBe(start + 10_000);
  kept.set('pons-explorer-answered', String(start + 20_000));
  expect(answeredAt()).toBe(start + 20_000);
  vi.unstubAllGlobals();
});

it('tells what the browser has kept from what the store answers now', () => {
  const now = Date.parse('2026-03-01T12:00:00Z');
  const of = (date: string) => isOfNow({ headers: new Headers({ Date: date }) }, now);
  expect(of('Sun, 01 Mar 2026 11:59:58 GMT')).toBe(true);
  expect(of('Sun, 01 Mar 2026 11:50:00 GMT')).toBe(false);
  expect(isOfNow({ headers: new Headers() }, now)).toBe(false);
});
