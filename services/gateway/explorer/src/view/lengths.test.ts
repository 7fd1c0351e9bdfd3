// SPDX-License-Identifier: Apache-2.0
import { expect, it, vi } from 'vitest';
import type { Order } from './loader';
import { Viewer } from './viewer';

it('a length ends in the frame that it begins in', () => {
  vi.stubGlobal('requestAnimationFrame', () => 1);
  const order = { Content: 'c', Type: 'Volume', Total: 9, Instances: [] } satisfies Order;
  const viewer = new Viewer('s', order, { slice: 4, window: null });
  const from = { x: 1, y: 1 };
  const here = { slice: 4, from, to: { x: 5, y: 1 } };
  viewer.measure({ slice: 4, from, to: from }, true);
  viewer.measure(here, false);
  viewer.measure({ slice: 5, from, to: { x: 9, y: 9 } }, false);
  expect(viewer.snapshot().lines).toEqual([here]);
  viewer.clearLines();
  viewer.measure(here, false);
  expect(viewer.snapshot().lines).toEqual([]);
  vi.unstubAllGlobals();
});
