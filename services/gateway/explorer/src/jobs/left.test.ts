// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { secondsLeft } from './left';

it('tells of the rest by what is done', () => {
  expect(secondsLeft({ state: 'Running', progress: 0.25, runtime: 30 })).toBe(90);
});

it('tells nothing of what has just begun, or does not run', () => {
  expect(secondsLeft({ state: 'Running', progress: 0.01, runtime: 30 })).toBeNull();
  expect(secondsLeft({ state: 'Running', progress: 0.5, runtime: 1 })).toBeNull();
  expect(secondsLeft({ state: 'Paused', progress: 0.5, runtime: 30 })).toBeNull();
});
