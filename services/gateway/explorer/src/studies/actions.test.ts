// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { heldBack } from './actions';

it('holds back what is protected now, whatever the row said when it was read', () => {
  const rows = [
    { id: 'freed', patient: 'A', protected: true },
    { id: 'protected since', patient: 'B', protected: false },
    { id: 'free', patient: 'C', protected: false },
  ];
  const plan = { protected: [{ patient: 'B', patientName: 'B', patientId: 'b', studies: 1 }] };
  expect([...heldBack(rows, plan)]).toEqual(['protected since']);
});
