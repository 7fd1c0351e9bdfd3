// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { LastContact, RemoteState } from '../api/schema';
import { contactOf, foremost, standingOf } from './contacts';

function remote(name: string, outcome?: LastContact['outcome']): RemoteState {
  const contact = outcome ? { at: 1, did: 'C-ECHO', outcome, why: '', well: 0 } : null;
  return { kind: 'modality', name, contact };
}

describe('remotes', () => {
  const known = [remote('a', 'well'), remote('b'), remote('c', 'absent'), remote('d', 'failed')];
  const names = (most: number) => foremost(known, most).map(({ name }) => name);

  it('are all shown where there is room', () => {
    expect(names(4)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('that something is wrong with are never left out for others, and stay in their order', () => {
    expect(names(3)).toEqual(['a', 'c', 'd']);
    expect(names(2)).toEqual(['c', 'd']);
  });

  it('of which nothing is known stand for themselves', () => {
    expect(standingOf(null)).toBe('unknown');
    expect(contactOf(known, 'modality', 'c')?.outcome).toBe('absent');
    expect(contactOf(known, 'peer', 'c')).toBe(null);
    expect(contactOf(null, 'modality', 'c')).toBe(null);
  });
});
