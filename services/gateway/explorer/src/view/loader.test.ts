// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Order, SeriesLoader } from './loader';

const BUDGET = 1 << 20;

/** A record of a frame of so many rows of 1,024 bytes. */
function record(slice: number, rows: number): Uint8Array {
  const named = { Slice: slice, Instance: 'i', Frame: 0, Content: 'c' };
  const told = { ...named, Rows: rows, Columns: 1024, Pixels: 'Uint8' };
  const head = new TextEncoder().encode(JSON.stringify(told));
  const bytes = new Uint8Array(8 + head.length + rows * 1024);
  new DataView(bytes.buffer).setUint32(0, head.length, true);
  new DataView(bytes.buffer).setUint32(4, rows * 1024, true);
  bytes.set(head, 8);
  return bytes;
}

/** The frames that are asked for, in order, until nothing more is. */
async function asked(
  total: number,
  current: number,
  rows: (slice: number) => number,
  ends: (slice: number) => boolean = () => false,
) {
  const found: number[] = [];
  vi.stubGlobal('fetch', async (path: string) => {
    const query = new URLSearchParams(path.split('?')[1]);
    let [next, left] = [Number(query.get('from')), Number(query.get('count'))];
    return new Response(
      new ReadableStream({
        pull(to) {
          const begins = next === Number(query.get('from'));
          if (left-- === 0 || (!begins && ends(next))) return to.close();
          found.push(next);
          to.enqueue(record(next, rows(next++)));
        },
      }),
    );
  });
  const order = { Content: 'c', Type: 'Volume', Total: total, Instances: [] } satisfies Order;
  const loader = new SeriesLoader('s', order, { arrived() {}, failed() {} }, BUDGET);
  loader.look(current);
  let before = -1;
  while (before < found.length && found.length < 3 * total) {
    before = found.length;
    await new Promise((done) => setTimeout(done, 100));
  }
  loader.close();
  return { found, loader };
}

describe('frames of a series', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('that are more than there is room for are asked for once', async () => {
    const { found, loader } = await asked(100, 50, () => 28); // 32 KB: there is room for 32
    expect(found.length).toBe(31);
    expect(new Set(found).size).toBe(found.length);
    expect([35, 65].map((slice) => loader.cache.has(slice))).toEqual([true, true]);
  });

  it('go on behind an answer that ends before one that is not kept', async () => {
    const { found, loader } = await asked(
      20,
      0,
      () => 1,
      (slice) => slice === 5,
    );
    expect(found.sort((a, b) => a - b)).toEqual([...Array(20).keys()]);
    expect(loader.cache.size).toBe(20);
  });

  it('that are larger than the current one come to an end, too', async () => {
    const { found, loader } = await asked(100, 50, (slice) => (slice === 50 ? 1 : 28));
    expect(found.length).toBeLessThan(150);
    expect([38, 62].map((slice) => loader.cache.has(slice))).toEqual([true, true]);
  });
});
