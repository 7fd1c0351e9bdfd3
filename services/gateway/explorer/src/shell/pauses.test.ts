// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { Pauses } from './pauses';

it('lets a session of any length end, as it asks less and less often', () => {
  const pauses = new Pauses(3_000);
  let now = 0;
  const waits = Array.from({ length: 5 }, () => {
    const left = pauses.left(now);
    now += left;
    pauses.asked(now);
    return left;
  });
  expect(waits).toEqual([0, 3_000, 6_000, 12_000, 24_000]);
  expect(pauses.left(now + 47_000)).toBe(1_000);
  pauses.forget();
  expect(pauses.left(now)).toBe(0);
});
