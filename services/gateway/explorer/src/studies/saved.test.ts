// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { Address } from './address';
import { addressOf, searchOf } from './saved';

it('keeps a search as it is in the address', () => {
  const address: Address = { q: 'müller & ct', date: '2026', patientId: '007', sort: '-date' };
  expect(addressOf({ search: searchOf(address) })).toEqual(address);
  expect(addressOf({ search: searchOf({}) })).toEqual({});
});
