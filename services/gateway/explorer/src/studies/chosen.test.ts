// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { BY_DEFAULT, columnsOf, moved, toggled } from './chosen';

it('keeps the order that was chosen, and only what it knows', () => {
  expect(columnsOf(['size', 'name', 'size', 'ofAnEarlierVersion'])).toEqual(['size', 'name']);
  expect(columnsOf(['ofAnEarlierVersion'])).toEqual(BY_DEFAULT);
});

it('moves a column by places, and not past the ends', () => {
  expect(moved(['name', 'id', 'size'], 'size', -1)).toEqual(['name', 'size', 'id']);
  expect(moved(['name', 'id', 'size'], 'name', 1)).toEqual(['id', 'name', 'size']);
  expect(moved(['name', 'id', 'size'], 'size', 1)).toEqual(['name', 'id', 'size']);
  expect(moved(['name', 'id', 'size'], 'name', -1)).toEqual(['name', 'id', 'size']);
});

it('adds a column at the end and never takes the last one', () => {
  expect(toggled(['name'], 'id')).toEqual(['name', 'id']);
  expect(toggled(['name', 'id'], 'name')).toEqual(['id']);
  expect(toggled(['id'], 'id')).toEqual(['id']);
});
