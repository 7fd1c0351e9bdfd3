// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { heard } from '../api/reach';
import { stageOf, UploadQueue } from './transfers';

const TOGETHER = '/explorer/api/upload';

/** A request that is answered when a test says so. */
class Request {
  static all: Request[] = [];
  upload: { onprogress?: (event: { loaded: number }) => void } = {};
  onload?: () => void;
  onerror?: () => void;
  status = 0;
  responseText = '';
  path = '';
  body: unknown;
  aborted = false;
  constructor() {
    Request.all.push(this);
  }
  open(_method: string, path: string) {
    this.path = path;
  }
  setRequestHeader() {}
  send(body: unknown) {
    this.body = body;
  }
  abort() {
    this.aborted = true;
  }
  get names() {
    return this.body instanceof FormData
      ? this.body.getAll('file').map((file) => (file as File).size)
      : [(this.body as File).size];
  }
  answer(status: number, answer: unknown = {}) {
    this.status = status;
    this.responseText = JSON.stringify(answer);
    this.onload?.();
  }
}

/** One that cannot be read any more is as Chromium has it: without bytes, its slice can be read. */
const file = (size: number, readable = true) => {
  const made = new File([new Uint8Array(size)], `${size}`);
  if (!readable) {
    const arrayBuffer = () => Promise.reject(new Error('it has gone'));
    Object.assign(made, { arrayBuffer }, size ? { slice: () => ({ arrayBuffer }) } : {});
  }
  return { file: made, path: `${size}` };
};
const stored = { status: 200, stored: [{ Status: 'Success', ParentStudy: 'one' }], details: '' };
const states = (queue: UploadQueue) => queue.uploads.map(({ state }) => state);

beforeEach(() => {
  heard(200);
  Request.all = [];
  vi.stubGlobal('XMLHttpRequest', Request);
  vi.stubGlobal('window', new EventTarget());
});

describe('files that are sent', () => {
  it('go together where they are many and small', () => {
    const queue = new UploadQueue();
    queue.add(Array.from({ length: 100 }, (_, n) => file(n)));
    expect(Request.all.map(({ path }) => path)).toEqual(Array(4).fill(TOGETHER));
    expect(Request.all.map(({ names }) => names.length)).toEqual([16, 16, 16, 13]);
  });

  it('go alone where they are few, or large', () => {
    const queue = new UploadQueue();
    queue.add([file(1), file(2), file(3)]);
    expect(Request.all.map(({ path }) => path)).toEqual(Array(3).fill('/instances'));
    const other = new UploadQueue();
    Request.all = [];
    other.add([5, 9_000_001, 7, 8, 8_999_999, 1, 1, 1, 1].map((size) => file(size)));
    expect(Request.all.map(({ names }) => names)).toEqual([
      [5],
      [9_000_001],
      [7, 8],
      [8_999_999, 1],
    ]);
  });

  it('have each their outcome and their part of the progress', () => {
    const queue = new UploadQueue();
    queue.add(Array.from({ length: 8 }, () => file(10)));
    const [first] = Request.all;
    expect(first?.names).toEqual([10, 10]);
    first?.upload.onprogress?.({ loaded: 14 });
    expect(queue.uploads.slice(0, 2).map(({ sent }) => sent)).toEqual([10, 4]);
    expect(queue.uploads.slice(0, 2).map(stageOf)).toEqual(['storing', 'sending']);
    first?.answer(200, [stored, { status: 400, stored: [], details: 'no image' }]);
    expect(states(queue).slice(0, 2)).toEqual(['stored', 'notDicom']);
    expect([...queue.studies]).toEqual([['one', 1]]);
    expect(Request.all).toHaveLength(5);
  });

  it('have counted what is stored of a ZIP once, however often it is sent', () => {
    const queue = new UploadQueue();
    queue.add([file(10)]);
    const full = { Stored: [{ Status: 'Success', ParentStudy: 'one' }] };
    Request.all[0]?.answer(507, full);
    expect([states(queue), [...queue.studies]]).toEqual([['failed'], [['one', 1]]]);
    queue.retry();
    const both = ['AlreadyStored', 'Success'].map((Status) => ({ Status, ParentStudy: 'one' }));
    Request.all[1]?.answer(400, { Details: 'the third one is damaged', Stored: both });
    expect([states(queue), [...queue.studies]]).toEqual([['partly'], [['one', 2]]]);
    expect(queue.totals()).toMatchObject({ done: 1, stored: 0, left: 1, failed: 0 });
  });

  it('go alone from then on where they are refused together', () => {
    const queue = new UploadQueue();
    queue.add(Array.from({ length: 40 }, () => file(10)));
    const [first] = Request.all;
    first?.answer(413);
    const [, , , , next] = Request.all;
    expect([next?.path, next?.names]).toEqual(['/instances', [10]]);
    for (let at = 1; at < Request.all.length; at += 1) {
      const { path, names } = Request.all[at] as Request;
      Request.all[at]?.answer(200, path === TOGETHER ? names.map(() => stored) : stored.stored[0]);
    }
    expect(states(queue)).toEqual(Array(40).fill('stored'));
    expect(Request.all.slice(4).every(({ path }) => path === '/instances')).toBe(true);
  });

  it('are not sent again by themselves where no answer came', async () => {
    const queue = new UploadQueue();
    queue.add(Array.from({ length: 8 }, () => file(10)));
    queue.pause();
    const files = Request.all.flatMap(({ names }) => names).length;
    for (const request of Request.all) request.onerror?.();
    await vi.waitFor(() =>
      expect(states(queue).slice(0, files)).toEqual(Array(files).fill('failed')),
    );
    expect(queue.uploads[0]?.whyKey).toBe('unreachable');
    expect(Request.all).toHaveLength(4);
    queue.resume();
    queue.cancel();
    Request.all = [];
    queue.retry();
    expect(Request.all.map(({ names }) => names.length)).toEqual([2, 2, 1, 1]);
  });

  it('wait while the store is away, and go on by themselves', async () => {
    const queue = new UploadQueue();
    const leave = queue.follow();
    const ended = vi.fn();
    queue.onEnd = ended;
    queue.add(Array.from({ length: 100 }, () => file(10)));
    for (const request of [...Request.all]) request.onerror?.();
    await vi.waitFor(() => expect(queue.totals().failed).toBe(61));
    expect(Request.all).toHaveLength(4);
    expect([queue.awaiting, queue.busy]).toEqual([true, true]);
    expect(queue.totals()).toMatchObject({ files: 100, done: 0, left: 61, size: 1000, sent: 0 });
    heard(200);
    expect(queue.awaiting).toBe(false);
    expect(Request.all).toHaveLength(8);
    for (let at = 4; at < Request.all.length; at += 1) {
      const { path, names } = Request.all[at] as Request;
      Request.all[at]?.answer(200, path === TOGETHER ? names.map(() => stored) : stored.stored[0]);
    }
    leave();
    expect(queue.totals()).toMatchObject({ done: 39, stored: 39, left: 61 });
    expect(ended).toHaveBeenCalledOnce();
  });

  it('go on where one of several requests gets no answer', async () => {
    const queue = new UploadQueue();
    const leave = queue.follow();
    queue.add(Array.from({ length: 100 }, () => file(10)));
    const [first, second] = Request.all;
    first?.onerror?.();
    await vi.waitFor(() => expect(queue.awaiting).toBe(true));
    second?.answer(200, Array(16).fill(stored));
    expect(queue.awaiting).toBe(false);
    expect(Request.all).toHaveLength(6);
    leave();
  });

  it.each([0, 2])('go on where one of %i bytes among them cannot be read', async (size) => {
    const queue = new UploadQueue();
    queue.add([file(1), file(size, false), ...Array.from({ length: 6 }, () => file(10))]);
    const [first] = Request.all;
    first?.onerror?.();
    await vi.waitFor(() => expect(Request.all).toHaveLength(5));
    expect(queue.uploads[1]).toMatchObject({ state: 'refused', why: 'it has gone' });
    expect(Request.all[4]?.names).toEqual([1]);
  });

  it('have no outcome where the answer tells of none', () => {
    const queue = new UploadQueue();
    queue.add(Array.from({ length: 8 }, () => file(10)));
    Request.all[0]?.answer(200, []);
    expect(queue.uploads.slice(0, 2).map(({ whyKey }) => whyKey)).toEqual(['noAnswer', 'noAnswer']);
  });

  it('are all given up with their requests', () => {
    const queue = new UploadQueue();
    queue.add(Array.from({ length: 40 }, () => file(10)));
    queue.cancel();
    expect(states(queue)).toEqual(Array(40).fill('cancelled'));
    expect(Request.all.every(({ aborted }) => aborted)).toBe(true);
    expect(queue.busy).toBe(false);
  });
});
