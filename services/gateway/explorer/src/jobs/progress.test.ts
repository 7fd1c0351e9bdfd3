// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { arrived, secondsLeft } from './progress';

it('tells of the rest by what is done', () => {
  expect(secondsLeft({ state: 'Running', progress: 0.25, runtime: 30 })).toBe(90);
});

it('tells nothing of what has just begun, or does not run', () => {
  expect(secondsLeft({ state: 'Running', progress: 0.01, runtime: 30 })).toBeNull();
  expect(secondsLeft({ state: 'Running', progress: 0.5, runtime: 1 })).toBeNull();
  expect(secondsLeft({ state: 'Paused', progress: 0.5, runtime: 30 })).toBeNull();
});

it('counts what arrived, not what was tried', () => {
  const sent = { count: 5, failed: 4, progress: 1 };
  expect(arrived({ ...sent, state: 'Undelivered' })).toBe(1);
  expect(arrived({ ...sent, state: 'Success', failed: 0 })).toBe(5);
  expect(arrived({ ...sent, state: 'Running', failed: 1, progress: 0.6 })).toBe(2);
});
