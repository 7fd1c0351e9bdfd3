// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { isOutdated, PERMISSIONS, permissionsOf } from './remotes';

const modality = { AET: 'A', Host: 'h', Port: 104 };
const all = (value: boolean) => Object.fromEntries(PERMISSIONS.map((one) => [one, value]));

it('tells permissions in the shortest words that say all', () => {
  expect(permissionsOf(modality)).toEqual(['everything']);
  expect(permissionsOf({ ...modality, ...all(false) })).toEqual(['nothing']);
  expect(permissionsOf({ ...modality, AllowGet: false })).toEqual(['allBut', ['AllowGet']]);
  const store = { ...modality, ...all(false), AllowStore: true };
  expect(permissionsOf(store)).toEqual(['only', ['AllowStore']]);
});

it('shows an answer until a contact since then tells otherwise, or more', () => {
  const contact = (at: number, outcome: 'well' | 'absent') => ({
    at,
    did: 'C-ECHO',
    outcome,
    why: '',
    well: 0,
  });
  const before = contact(10, 'absent');
  const answered = { told: '', milliseconds: 7, before };
  const failed = { error: new Error(), before };
  expect([isOutdated(answered, before), isOutdated(failed, before)]).toEqual([false, false]);
  expect(isOutdated(answered, contact(11, 'well'))).toBe(false);
  expect(isOutdated(answered, contact(11, 'absent'))).toBe(true);
  expect(isOutdated(failed, contact(11, 'absent'))).toBe(true);
  expect(isOutdated({ ...failed, before: null }, null)).toBe(false);
});
