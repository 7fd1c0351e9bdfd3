// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { besideStudy, walkThrough } from './walk';

test('a list is gone through both ways, and ends', () => {
  walkThrough(['a', 'b', 'c']);
  expect(besideStudy('b', 1)).toBe('c');
  expect(besideStudy('b', -1)).toBe('a');
  expect(besideStudy('c', 1)).toBeUndefined();
  expect(besideStudy('a', -1)).toBeUndefined();
  expect(besideStudy('elsewhere', 1)).toBeUndefined();
});
