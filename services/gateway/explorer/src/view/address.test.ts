// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { isGone, startOf } from './address';
import type { Order } from './loader';

const order: Order = {
  Content: 'c',
  Type: 'Sequence',
  Total: 9,
  Instances: [
    { Instance: 'a', Content: '1', First: 0, Count: 4 },
    { Instance: 'b', Content: '2', First: 4, Count: 5 },
  ],
};

describe('an instance in the address', () => {
  it('begins at its frame', () => {
    expect(startOf({ instance: 'b', frame: 2 }, order)).toBe(6);
    expect(isGone({ instance: 'b' }, order)).toBe(false);
  });

  it('that is not in the series is not taken for another without a word', () => {
    expect(isGone({ instance: 'c' }, order)).toBe(true);
    expect(isGone({ slice: 3 }, order)).toBe(false);
  });
});
