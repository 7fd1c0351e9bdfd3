// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { ServiceProcess, StoreState } from '../api/schema';
import { concerns } from './attention';

const well: ServiceProcess = {
  service: 'index',
  process: 'a:1',
  version: '1',
  seconds: 10,
  ready: true,
  failures: {},
  warnings: {},
};
const disk = (free: number) => ({ disk: { free, total: 1000, needed: 100 } }) as StoreState;

describe('concerns', () => {
  it('has none where all is well or nothing is known', () => {
    expect(concerns({ processes: [well], silent: [] }, disk(500))).toEqual([]);
    expect(concerns(undefined, undefined)).toEqual([]);
  });

  it('tells what is bad first, and what several say once', () => {
    const warnings = { 'dead letters': '2' };
    const found = concerns(
      {
        processes: [
          { ...well, warnings },
          { ...well, process: 'b:1', service: 'gateway', warnings },
          { ...well, process: 'c:1', ready: false, failures: { database: 'away' } },
        ],
        silent: ['render'],
      },
      disk(150),
    );
    expect(found.map(({ kind, name, bad }) => [kind, name, bad])).toEqual([
      ['silent', undefined, true],
      ['told', 'database', true],
      ['told', 'dead letters', false],
      ['filling', undefined, false],
    ]);
  });

  it('tells a full disk and different versions', () => {
    const found = concerns(
      { processes: [well, { ...well, process: 'b:1', version: '2' }], silent: [] },
      disk(99),
    );
    expect(found.map(({ kind, text }) => [kind, text])).toEqual([
      ['full', undefined],
      ['versions', '1, 2'],
    ]);
  });

  it('tells of jobs that were given up, by destination, of those that are tried and those that failed', () => {
    const undelivered = [{ destination: 'modality:A', count: 2, since: 1, causes: [] }];
    const states = { Retry: 1, Failure: 3, Success: 9, Undelivered: 2 };
    const found = concerns({ processes: [well], silent: [] }, disk(500), { states, undelivered });
    expect(found.map(({ kind, count, bad }) => [kind, count, bad])).toEqual([
      ['undelivered', undefined, true],
      ['retried', 1, false],
      ['failed', 3, false],
    ]);
    const wanted = concerns(undefined, undefined, { states, undelivered: [], cancelled: 1 });
    expect(wanted.map(({ kind, count }) => [kind, count])).toEqual([
      ['retried', 1],
      ['failed', 2],
    ]);
    const none = { states: { Success: 9, Failure: 2 }, cancelled: 2, undelivered: [] };
    expect(concerns({ processes: [well], silent: [] }, disk(500), none)).toEqual([]);
  });
});
