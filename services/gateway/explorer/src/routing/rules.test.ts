// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { conditionOf, questionsOf, writtenOf } from './rules';

const WHEN = [{ Tag: 'Modality', Is: ['CT', 'PT'] }, { Origin: ['NM*'] }, { Label: ['trial'] }];

it('shows simple conditions as lines, and makes the same of them', () => {
  const lines = questionsOf(WHEN);
  expect(lines?.map(({ of, is }) => `${of}: ${is}`)).toEqual([
    'Modality: CT, PT',
    'Origin: NM*',
    'Label: trial',
  ]);
  expect(lines?.map(conditionOf)).toEqual(WHEN);
});

it('leaves what a line cannot hold as it is written', () => {
  expect(questionsOf([{ Not: { Label: ['a'] } }])).toBeNull();
  expect(questionsOf([{ Tag: 'SliceThickness', Min: 1, Max: 2 }])).toBeNull();
  expect(questionsOf([{ Tag: 'StudyDescription', Is: ['a, b'] }])).toBeNull();
  expect(writtenOf({ Tag: 'SliceThickness', Min: 1 })).toBe('{"Tag":"SliceThickness","Min":1}');
});
