// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { PERMISSIONS, permissionsOf } from './remotes';

const modality = { AET: 'A', Host: 'h', Port: 104 };
const all = (value: boolean) => Object.fromEntries(PERMISSIONS.map((one) => [one, value]));

it('tells permissions in the shortest words that say all', () => {
  expect(permissionsOf(modality)).toEqual(['everything']);
  expect(permissionsOf({ ...modality, ...all(false) })).toEqual(['nothing']);
  expect(permissionsOf({ ...modality, AllowGet: false })).toEqual(['allBut', ['AllowGet']]);
  const store = { ...modality, ...all(false), AllowStore: true };
  expect(permissionsOf(store)).toEqual(['only', ['AllowStore']]);
});
