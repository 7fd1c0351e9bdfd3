// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { FrameCache } from './cache';
import type { Arrived } from './frame';

const KILOBYTES = 512 << 10;
const frame = (slice: number, bytes = KILOBYTES - 4096): Arrived =>
  ({ head: { Slice: slice }, values: new Uint8Array(bytes) }) as unknown as Arrived;

describe('frames in memory', () => {
  it('stay within the budget, and the nearest stay', () => {
    const cache = new FrameCache(4 * KILOBYTES);
    for (const slice of [0, 1, 2, 3, 4, 5]) cache.add(frame(slice), 2);
    expect([0, 1, 2, 3, 4, 5].filter((slice) => cache.has(slice))).toEqual([1, 2, 3, 4]);
    expect(cache.room(frame(0))).toBe(4);
  });

  it('are counted once, however often they come', () => {
    const cache = new FrameCache(2 * KILOBYTES);
    for (let times = 0; times < 9; times++) cache.add(frame(7), 7);
    cache.add(frame(8), 7);
    expect([cache.has(7), cache.has(8), cache.size]).toEqual([true, true, 2]);
  });

  it('are one at least, however large it is', () => {
    const cache = new FrameCache(1000);
    cache.add(frame(1), 1);
    expect(cache.get(1)?.head.Slice).toBe(1);
  });
});
