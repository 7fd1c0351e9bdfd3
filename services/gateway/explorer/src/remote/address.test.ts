// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { keysOf, namesOf, readAddress } from './address';

describe('the address of a query', () => {
  it('keeps what it knows, as it is written', () => {
    const address = {
      name: 'roe',
      patientId: '007',
      from: '2026-05-01',
      to: 'soon',
      sort: '-date',
    };
    expect(readAddress({ ...address, other: 'x' })).toEqual({
      name: 'roe',
      patientId: '007',
      from: '2026-05-01',
      sort: '-date',
    });
    expect(readAddress({ sort: 'shoe size', name: '  ' })).toEqual({});
  });

  it('names each archive once', () => {
    expect(namesOf('a,b,,a')).toEqual(['a', 'b']);
    expect(namesOf(undefined)).toEqual([]);
  });
});

describe('the keys of a C-FIND', () => {
  it('are pieces of names, exact numbers, and ranges of days', () => {
    const keys = keysOf({ name: 'Müller, Anna', patientId: '0047', from: '2026-05-01' });
    expect(keys.PatientName).toBe('*Müller*Anna*');
    expect(keys.PatientID).toBe('0047');
    expect(keys.StudyDate).toBe('20260501-');
    expect(keys.NumberOfStudyRelatedInstances).toBe('');
  });

  it('are what was written where it has wildcards', () => {
    expect(keysOf({ name: 'MÜ?LER*' }).PatientName).toBe('MÜ?LER*');
    expect(keysOf({ description: 'Thorax nativ' }).StudyDescription).toBe('*Thorax*nativ*');
  });

  it('are one day, days until then, and several modalities', () => {
    expect(keysOf({ from: '2026-05-01', to: '2026-05-01' }).StudyDate).toBe('20260501');
    expect(keysOf({ to: '2026-05-31' }).StudyDate).toBe('-20260531');
    expect(keysOf({}).StudyDate).toBe('');
    expect(keysOf({ modality: 'ct, mr' }).ModalitiesInStudy).toBe('CT\\MR');
    expect(keysOf({}).ModalitiesInStudy).toBe('');
  });
});
