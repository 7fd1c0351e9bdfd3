// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { rowsOf } from './rows';

describe('rows of a chart', () => {
  it('are the steps themselves where these are few, newest first', () => {
    expect(rowsOf([0, 60, 120], [{ values: [1, null, 3] }])).toEqual([
      { from: 120, values: [3] },
      { from: 60, values: [null] },
      { from: 0, values: [1] },
    ]);
  });

  it('are at most 24, each with the greatest of its steps', () => {
    const at = Array.from({ length: 1440 }, (_, index) => index * 60);
    const rows = rowsOf(at, [{ values: at.map((one) => (one === 600 ? null : one)) }]);
    expect(rows).toHaveLength(24);
    expect(rows[0]).toEqual({ from: 82_800, values: [86_340] });
    expect(rowsOf([], [{ values: [] }])).toEqual([]);
  });
});
