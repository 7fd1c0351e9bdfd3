// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { chosen, walk } from './found';
import { type Found, UploadQueue } from './transfers';

const file = (fullPath: string, readable = true) => ({
  isFile: true,
  name: fullPath.split('/').at(-1),
  fullPath,
  file: (resolve: (file: File) => void, reject: (error: Error) => void) =>
    readable ? resolve(new File(['x'], fullPath)) : reject(new Error('it is not there')),
});
const folder = (fullPath: string, parts: unknown[]) => ({
  isFile: false,
  name: fullPath.split('/').at(-1),
  fullPath,
  createReader: () => {
    const rest = [parts, []];
    return { readEntries: (resolve: (some: unknown) => void) => resolve(rest.shift()) };
  },
});
const dropped = (entry: unknown) =>
  ({ items: [{ webkitGetAsEntry: () => entry }] }) as unknown as DataTransfer;

describe('what was chosen', () => {
  const files = (count: number) =>
    Array.from({ length: count }, (_, n) => new File(['x'], `${n}`)) as unknown as FileList;

  it('is given on whole, in parts between which the page goes on', async () => {
    const parts: Found[][] = [];
    let turns = 0;
    const turn = setInterval(() => {
      turns += 1;
    });
    await chosen(files(501), (some) => parts.push(some));
    clearInterval(turn);
    expect(parts.map(({ length }) => length)).toEqual([200, 200, 101]);
    expect(parts.flat().map(({ path }) => path)).toEqual([...Array(501).keys()].map(String));
    expect(turns).toBeGreaterThan(0);
  });

  it('is not gone through further when the rest is cancelled', async () => {
    const queue = new UploadQueue();
    queue.pause();
    const whole = queue.gather((give, stop) => chosen(files(1000), give, stop));
    expect([queue.uploads.length, queue.busy]).toEqual([200, true]);
    queue.cancel();
    await whole;
    expect([queue.uploads.length, queue.busy]).toEqual([200, false]);
  });
});

describe('a folder that was dropped', () => {
  it('is found whole, and what cannot be read is told', async () => {
    const found: Found[] = [];
    const parts = [file('/a/1'), file('/a/2', false), folder('/a/b', [file('/a/b/3')])];
    await walk(dropped(folder('/a', parts)), (some) => found.push(...some));
    expect(found.map(({ path, unreadable }) => [path, unreadable])).toEqual([
      ['a/1', undefined],
      ['a/2', 'it is not there'],
      ['a/b/3', undefined],
    ]);
  });

  it('is not walked on when the rest is cancelled', async () => {
    const queue = new UploadQueue();
    queue.pause();
    let calls = 0;
    const endless = {
      isFile: false,
      name: 'a',
      fullPath: '/a',
      createReader: () => ({
        readEntries: (resolve: (some: unknown) => void) =>
          setTimeout(() => {
            calls += 1;
            if (calls === 3) queue.cancel();
            resolve(Array.from({ length: 100 }, (_, n) => file(`/a/${calls} ${n}`)));
          }),
      }),
    };
    await queue.gather((give, stop) => walk(dropped(endless), give, stop));
    expect(calls).toBe(3);
    expect(queue.uploads.map(({ state }) => state)).toEqual(Array(200).fill('cancelled'));
    expect(queue.busy).toBe(false);
  });

  it('keeps the queue busy, and is over once', async () => {
    const queue = new UploadQueue();
    let ended = 0;
    queue.onEnd = () => {
      ended += 1;
    };
    const index = folder('a', [file('DICOMDIR')]);
    const done = queue.gather((give, stop) => walk(dropped(index), give, stop));
    expect(queue.busy).toBe(true);
    await done;
    expect([queue.busy, ended]).toEqual([false, 1]);
  });

  it('has what cannot be read among the problems', () => {
    const queue = new UploadQueue();
    queue.add([{ file: new File([], '2'), path: 'a/2', unreadable: 'it is not there' }]);
    expect(queue.uploads).toMatchObject([
      { path: 'a/2', state: 'refused', why: 'it is not there', whyKey: 'unreadable' },
    ]);
    expect(queue.busy).toBe(false);
  });
});
