// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { bestSource, merge, mostImages, nameless, openedOf, presenceOf, sorted } from './merging';

const STUDY = { StudyInstanceUID: '1.2', PatientID: 'P1', PatientName: 'ROE^A' };

describe('answers of several archives', () => {
  it('are one row for a study, with all that some of them tell', () => {
    const rows = merge([
      { remote: 'a', answers: [{ ...STUDY, NumberOfStudyRelatedInstances: '12' }] },
      {
        remote: 'b',
        answers: [
          { ...STUDY, StudyDescription: 'Thorax', NumberOfStudyRelatedInstances: '40' },
          { StudyInstanceUID: '1.3' },
        ],
      },
    ]);
    expect(rows.map(({ key }) => key)).toEqual(['1.2 P1', '1.3 ']);
    expect(rows[0]?.sources.map(({ remote, instances }) => [remote, instances])).toEqual([
      ['a', 12],
      ['b', 40],
    ]);
    expect(rows[0]?.description).toBe('Thorax');
    const [first, second] = rows;
    expect(first && bestSource(first)?.remote).toBe('b');
    expect(first && mostImages(first)).toBe(40);
    expect(second && mostImages(second)).toBeNull();
  });

  it('are two rows where one UID is given to two patients', () => {
    const rows = merge([
      { remote: 'a', answers: [STUDY] },
      {
        remote: 'b',
        answers: [
          { ...STUDY, PatientID: 'P2' },
          { ...STUDY, PatientID: '' },
        ],
      },
    ]);
    expect(rows).toHaveLength(3);
    // The address of a row opens that row, not another patient's of the same UID.
    for (const row of rows.slice(0, 2)) expect(openedOf(rows, row.key.trim())).toBe(row);
    expect(openedOf(rows, '1.2')?.patientId).toBe('');
    expect(openedOf(rows.slice(0, 1), '1.2')?.patientId).toBe('P1');
    expect(openedOf(rows, '1.2 P3')).toBeUndefined();
    expect(openedOf(rows, undefined)).toBeUndefined();
  });

  it('that name no study are counted', () => {
    expect(merge([{ remote: 'a', answers: [{ PatientID: 'P1' }] }])).toEqual([]);
    expect(nameless([{ PatientID: 'P1' }, STUDY])).toBe(1);
  });

  it('are sorted by day and time, and the other way round', () => {
    const rows = merge([
      {
        remote: 'a',
        answers: [
          { ...STUDY, StudyInstanceUID: '1', StudyDate: '20260102', StudyTime: '101500' },
          { ...STUDY, StudyInstanceUID: '2', StudyDate: '20260102', StudyTime: '091500' },
          { ...STUDY, StudyInstanceUID: '3', StudyDate: '20260301' },
        ],
      },
    ]);
    expect(sorted(rows, 'date').map(({ studyUid }) => studyUid)).toEqual(['2', '1', '3']);
    expect(sorted(rows, '-date').map(({ studyUid }) => studyUid)).toEqual(['3', '1', '2']);
  });
});

describe('what is here', () => {
  it('is compared with what the archive counts', () => {
    expect(presenceOf(12, undefined)).toEqual({ state: 'unknown' });
    expect(presenceOf(12, null)).toEqual({ state: 'not' });
    expect(presenceOf(12, 3)).toEqual({ state: 'partly', here: 3, of: 12 });
    expect(presenceOf(12, 12)).toEqual({ state: 'here', here: 12, of: 12 });
    expect(presenceOf(null, 12)).toEqual({ state: 'uncounted', here: 12, of: null });
  });
});
