// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { askedElsewhere } from './elsewhere';

test('filters are asked as they are', () => {
  expect(askedElsewhere({ patientId: '4711', date: '2026', modality: 'CT,MR' })).toEqual({
    patientId: '4711',
    modality: 'CT,MR',
  });
});

test('words of the box may be a name, and numbers, keys and modalities are none', () => {
  expect(askedElsewhere({ q: 'müller anna ct 2026-05 label:x 4711' })).toEqual({
    name: 'müller anna',
  });
  expect(askedElsewhere({ q: 'müller', name: 'Dubois' })).toEqual({ name: 'Dubois' });
});
