// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Retrievals } from './retrievals';

const PACS = { name: 'pacs', method: 'C-MOVE' } as const;
const STUDY = { key: '1.2 P1', studyUid: '1.2' };

class Kept {
  text: string | null = null;
  getItem = () => this.text;
  setItem = (_: string, text: string) => {
    this.text = text;
  };
}

let asked: { path: string; body: unknown }[];
let job: Record<string, unknown>;

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  job = { State: 'Running', Progress: 40 };
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
    if (init.method === 'POST') asked.push({ path, body: JSON.parse(String(init.body)) });
    return new Response(JSON.stringify(init.method === 'POST' ? { ID: 'job' } : job));
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('retrievals', () => {
  it('fetch once what is asked for twice', async () => {
    const retrievals = new Retrievals(null);
    await Promise.all([retrievals.start(PACS, STUDY), retrievals.start(PACS, STUDY)]);
    await retrievals.start(PACS, { ...STUDY, seriesUid: '1.2.3' });
    expect(asked).toEqual([
      {
        path: '/modalities/pacs/move',
        body: { Level: 'Study', Resources: [{ StudyInstanceUID: '1.2' }], Synchronous: false },
      },
    ]);
  });

  it('do not fetch a study of which a series is on its way', async () => {
    const retrievals = new Retrievals(null);
    await retrievals.start({ ...PACS, method: 'C-GET' }, { ...STUDY, seriesUid: '1.2.3' });
    await retrievals.start(PACS, STUDY);
    expect(asked.map(({ path }) => path)).toEqual(['/modalities/pacs/get']);
  });

  it('tell how far the job is, and why it failed; then it may be tried again', async () => {
    const retrievals = new Retrievals(null);
    const ended: string[] = [];
    retrievals.onEnd = ({ state, why }) => ended.push(`${state} ${why}`);
    await retrievals.start(PACS, STUDY);
    await vi.advanceTimersByTimeAsync(1_100);
    expect(retrievals.of(STUDY)).toMatchObject({ state: 'running', progress: 40 });
    job = { State: 'Failure', Progress: 40, ErrorDescription: 'Network', ErrorDetails: 'is away' };
    await vi.advanceTimersByTimeAsync(1_100);
    expect(ended).toEqual(['failed is away']);
    await retrievals.start(PACS, STUDY);
    expect(asked).toHaveLength(2);
  });

  it('are known again after a reload', async () => {
    const kept = new Kept();
    await new Retrievals(kept).start(PACS, STUDY);
    const again = new Retrievals(kept);
    expect(again.isUnderWay(STUDY)).toBe(true);
    job = { State: 'Success', Progress: 100 };
    await vi.advanceTimersByTimeAsync(1_100);
    expect(again.of(STUDY)?.state).toBe('done');
    expect(new Retrievals(kept).isUnderWay(STUDY)).toBe(false);
  });

  it('begin with nothing where what was kept is of no use', () => {
    const kept = new Kept();
    kept.text = '[{"key": 1}, null, "x"]';
    expect(new Retrievals(kept).underWay()).toEqual([]);
  });
});
