// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { outcomeOf, outcomesOf, readAnswer } from './outcomes';

const one = (Status: string) => ({ Status, ParentStudy: 'a study' });

describe('what became of a file', () => {
  it.each([
    [200, one('Success'), 'stored', null, 1],
    [200, one('AlreadyStored'), 'already', null, 1],
    [200, one('FilteredOut'), 'refused', 'filtered', 0],
    [200, [one('Success'), one('FilteredOut')], 'stored', 'partlyFiltered', 1],
    [200, [one('FilteredOut')], 'refused', 'filtered', 0],
    [200, [], 'notDicom', 'noneInIt', 0],
    [400, { Details: 'no image' }, 'notDicom', null, 0],
    [400, { Details: 'one is damaged', Stored: [one('Success')] }, 'partly', null, 1],
    [401, { Details: 'who?' }, 'failed', 'signedOut', 0],
    [403, {}, 'refused', null, 0],
    [413, {}, 'refused', 'tooLarge', 0],
    [429, {}, 'failed', null, 0],
    [503, {}, 'failed', null, 0],
    [507, {}, 'failed', 'full', 0],
    [507, { Stored: [one('Success')] }, 'failed', 'full', 1],
  ])('%i with %j is %s', (status, answer, state, whyKey, stored) => {
    const outcome = outcomeOf(status, answer);
    expect(outcome).toMatchObject({ state, whyKey });
    expect(outcome.stored).toHaveLength(stored);
  });

  it.each(['<title>Log in</title>', 'null', '{}', ''])('%s is no answer of the store', (text) => {
    expect(outcomeOf(200, readAnswer(text))).toMatchObject({ state: 'failed', whyKey: 'noAnswer' });
  });
});

describe('what became of files that came together', () => {
  const told = (status: number, stored: unknown[] = [], details = '') => ({
    status,
    stored,
    details,
  });

  it('is told of each, as if it had come alone', () => {
    const answer = [
      told(200, [one('Success')]),
      told(400, [], 'no image'),
      told(400, [one('Success')], 'one is damaged'),
      told(507, [], 'full'),
    ];
    expect(outcomesOf(200, answer, 4)).toMatchObject([
      { state: 'stored', stored: [one('Success')] },
      { state: 'notDicom', why: 'no image' },
      { state: 'partly', why: 'one is damaged', stored: [one('Success')] },
      { state: 'failed', why: 'full', whyKey: 'full' },
    ]);
  });

  it.each([
    [200, [told(200)], 2],
    [200, null, 2],
    [404, {}, 2],
  ])('%i with %j is not told', (status, answer, files) => {
    expect(outcomesOf(status, answer, files)).toBeNull();
  });
});
