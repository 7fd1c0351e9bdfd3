// SPDX-License-Identifier: Apache-2.0
import { expect, it, vi } from 'vitest';
import { hearPictures } from './pictures';
import { answeredAt } from './reach';

type Seen = { getEntriesByType: () => object[] };

it('counts what the store has answered to an element, and nothing else', () => {
  let tell: (seen: Seen) => void = () => undefined;
  class Observer {
    constructor(callback: (seen: Seen) => void) {
      tell = callback;
    }
    observe() {}
    disconnect() {
      tell = () => undefined;
    }
  }
  vi.stubGlobal('PerformanceObserver', Observer);
  vi.stubGlobal('location', { origin: 'http://pacs' });
  vi.useFakeTimers({ now: Date.now() + 600_000 });
  const picture = {
    initiatorType: 'img',
    name: 'http://pacs/studies/1/thumbnail',
    transferSize: 300,
    responseStatus: 200,
  };
  const counts = (other: object) => {
    vi.advanceTimersByTime(1_000);
    tell({ getEntriesByType: () => [{ ...picture, ...other }] });
    return answeredAt() === Date.now();
  };
  const stop = hearPictures();
  expect(counts({})).toBe(true);
  expect(counts({ responseStatus: 304 })).toBe(true);
  expect(counts({ transferSize: 0 })).toBe(false);
  expect(counts({ responseStatus: 401 })).toBe(false);
  expect(counts({ initiatorType: 'script' })).toBe(false);
  expect(counts({ name: 'http://pacs.elsewhere/1' })).toBe(false);
  stop();
  expect(counts({})).toBe(false);
  vi.useRealTimers();
});
