// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { heard, isAway, subscribe } from './reach';

it('is away once requests have failed for a while, and back with the first answer', () => {
  const told: boolean[] = [];
  const leave = subscribe(() => told.push(isAway()));
  heard(0, 1_000);
  heard(0, 1_900);
  expect(isAway()).toBe(false);
  heard(200, 1_950);
  heard(502, 2_000);
  heard(0, 2_999);
  expect(isAway()).toBe(false);
  heard(504, 3_000);
  heard(0, 3_100);
  expect(isAway()).toBe(true);
  // Whatever the store itself says, it is there.
  heard(503, 3_200);
  expect(isAway()).toBe(false);
  leave();
  expect(told).toEqual([true, false]);
});
