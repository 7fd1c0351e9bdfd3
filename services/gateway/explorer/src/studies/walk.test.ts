// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { besideStudy, listAround, lookAt, lookedAt, walkThrough } from './walk';

test('a list is gone through both ways, and ends', () => {
  walkThrough(['a', 'b', 'c'], { q: 'ct' });
  expect(besideStudy('b', 1)).toBe('c');
  expect(besideStudy('b', -1)).toBe('a');
  expect(besideStudy('c', 1)).toBeUndefined();
  expect(besideStudy('a', -1)).toBeUndefined();
  expect(besideStudy('elsewhere', 1)).toBeUndefined();
});

test('the way back leads to the list that a study is in', () => {
  walkThrough(['a', 'b'], { q: 'ct', sort: 'name' });
  expect(listAround('b')).toEqual({ q: 'ct', sort: 'name' });
  expect(listAround('elsewhere')).toEqual({});
});

test('the list at the address that a study was opened from knows which one it was', () => {
  walkThrough(['a', 'b'], { q: 'ct' }, 100);
  lookAt('b');
  expect(lookedAt({ q: 'ct' })).toEqual({ id: 'b', index: 101 });
  expect(lookedAt({ q: 'mr' })).toBeUndefined();
  lookAt('elsewhere');
  expect(lookedAt({ q: 'ct' })).toBeUndefined();
});
