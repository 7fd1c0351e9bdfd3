// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { KnownWorklist } from '../api/schema';
import { clockOf, daOf, dayOf, inOrder, matches, tmOf } from './entries';

const entry = (id: string, date: string, time = '', name = ''): KnownWorklist => ({
  id,
  file: '',
  revision: 0,
  problem: '',
  studyUid: '',
  steps: 1,
  fields: {
    PatientName: name,
    ScheduledProcedureStepStartDate: date,
    ScheduledProcedureStepStartTime: time,
  },
});

it('has the earliest first, and who has no date last', () => {
  const entries = [entry('c', ''), entry('b', '20260102', '0900'), entry('a', '20260102', '0830')];
  expect(inOrder(entries).map(({ id }) => id)).toEqual(['a', 'b', 'c']);
});

it('finds all words, in any order', () => {
  const roe = entry('a', '20260102', '', 'ROE^Richard');
  expect(matches(roe, 'richard roe')).toBe(true);
  expect(matches(roe, 'richard miller')).toBe(false);
  expect(matches(roe, '')).toBe(true);
});

it('writes dates and times as DICOM has them', () => {
  expect([dayOf('20260102'), dayOf('2026'), daOf('2026-01-02')]).toEqual([
    '2026-01-02',
    '',
    '20260102',
  ]);
  expect([clockOf('083000'), clockOf('083015.5'), clockOf('0830'), clockOf('8')]).toEqual([
    '08:30',
    '08:30:15',
    '08:30',
    '',
  ]);
  expect([tmOf('08:30'), tmOf('08:30:15'), tmOf('')]).toEqual(['083000', '083015', '']);
});
