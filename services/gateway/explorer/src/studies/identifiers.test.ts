// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { cellsOf, listsIn, shortened, termOf } from './identifiers';

test('cells of a table are told from a text in one line', () => {
  expect(cellsOf('P1\r\nP2\n\n P3 \n')).toEqual(['P1', 'P2', 'P3']);
  expect(cellsOf('P1\tP2')).toEqual(['P1', 'P2']);
  expect(cellsOf('P1, P2')).toBeNull();
  expect(cellsOf('P1\n')).toBeNull();
  expect(cellsOf('')).toBeNull();
});

test('cells become a term of the search', () => {
  expect(termOf(['P1', 'P2'], '')).toBe('id:P1,P2');
  expect(termOf(['P1', 'P2'], 'ct acc:')).toBe('P1,P2');
  expect(termOf(['P1', 'P2'], 'paid:')).toBe('id:P1,P2');
  expect(termOf(['1.2.3.4', '1.2.3.5'], '')).toBe('uid:1.2.3.4,1.2.3.5');
  expect(termOf(['Müller', 'Huber'], '')).toBeNull();
  expect(termOf(['P1', 'P 2'], '')).toBeNull();
});

test('long lists are told in short', () => {
  expect(shortened('P1')).toEqual({ few: 'P1', more: 0 });
  expect(shortened('P1,P2;P3')).toEqual({ few: 'P1, P2, P3', more: 0 });
  expect(shortened('P1,P2,P3,P4')).toEqual({ few: 'P1, P2', more: 2 });
});

test('lists that are asked for have each identifier once', () => {
  const term = { kind: 'uid', value: '1.2,1.3,1.2', without: '' } as const;
  const alone = { kind: 'id', value: 'P1', without: '' } as const;
  const address = { patientId: 'P1; P2', accession: 'A1', name: 'A, B' };
  expect(listsIn(address, [term, alone])).toEqual([
    { filter: 'studyUid', identifiers: ['1.2', '1.3'] },
    { filter: 'patientId', identifiers: ['P1', 'P2'] },
  ]);
});
