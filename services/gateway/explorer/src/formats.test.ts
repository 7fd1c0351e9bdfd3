// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { momentOf } from './formats';

it('reads moments of the store as UTC', () => {
  expect(momentOf('20260102T030405')?.toISOString()).toBe('2026-01-02T03:04:05.000Z');
  expect(momentOf('yesterday')).toBeNull();
});
