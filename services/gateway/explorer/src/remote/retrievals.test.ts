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
/** What the store does not list any more. */
let lost: string[];
let ids: number;

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  job = { state: 'Running', progress: 0.4 };
  lost = [];
  ids = 0;
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
    const body: unknown = init.body ? JSON.parse(String(init.body)) : null;
    if (path === '/explorer/api/jobs') {
      const known = (body as { ids: string[] }).ids.filter((id) => !lost.includes(id));
      return new Response(JSON.stringify({ rows: known.map((id) => ({ id, error: '', ...job })) }));
    }
    if (init.method !== 'POST') return new Response('{}', { status: 404 });
    asked.push({ path, body });
    ids += 1;
    return new Response(JSON.stringify({ ID: `job ${ids}` }));
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
    job = { state: 'Failure', progress: 0.4, error: 'is away' };
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
    job = { state: 'Success', progress: 1 };
    await vi.advanceTimersByTimeAsync(1_100);
    expect(again.of(STUDY)?.state).toBe('done');
    expect(new Retrievals(kept).isUnderWay(STUDY)).toBe(false);
  });

  it('are all looked at at once, and have not failed where the job is not listed any more', async () => {
    const retrievals = new Retrievals(null);
    const ended: string[] = [];
    retrievals.onEnd = ({ key, state }) => ended.push(`${key} ${state}`);
    for (let at = 1; at <= 20; at += 1)
      await retrievals.start(PACS, { key: `1.${at} P`, studyUid: `1.${at}` });
    lost = ['job 20'];
    job = { state: 'Success', progress: 1 };
    await vi.advanceTimersByTimeAsync(2_200);
    expect(ended).toHaveLength(20);
    expect(ended.slice(-2)).toEqual(['1.19 P done', '1.20 P forgotten']);
    expect(retrievals.underWay()).toEqual([]);
  });

  it('rest where nobody is signed in', async () => {
    const retrievals = new Retrievals(null);
    await retrievals.start(PACS, STUDY);
    let looks = 0;
    vi.stubGlobal('window', { dispatchEvent: () => true });
    vi.stubGlobal('fetch', async () => {
      looks += 1;
      return new Response('{}', { status: 401 });
    });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(looks).toBe(1);
    expect(retrievals.isUnderWay(STUDY)).toBe(true);
  });

  it('begin with nothing where what was kept is of no use', () => {
    const kept = new Kept();
    kept.text = '[{"key": 1}, null, "x"]';
    expect(new Retrievals(kept).underWay()).toEqual([]);
  });
});
