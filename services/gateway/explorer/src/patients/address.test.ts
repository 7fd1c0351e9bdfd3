// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { readPatientsAddress } from './address';

test.each([
  [
    { q: 'doe', sort: '-birthDate' },
    { q: 'doe', sort: '-birthDate' },
  ],
  [{ q: 2024 }, { q: '2024' }],
  [{ q: '  ', sort: 'size' }, {}],
  [{ q: ['a'], sort: 3, other: 'x' }, {}],
])('%j is read as %j', (search, address) => {
  expect(readPatientsAddress(search)).toEqual(address);
});
