// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Head } from './frame';
import type { Order } from './loader';
import { Viewer } from './viewer';

const order = { Content: 'c', Type: 'Sequence', Total: 2, Instances: [] } satisfies Order;
const grey = {
  Slice: 0,
  Rows: 1,
  Columns: 2,
  Aspect: 1,
  Pixels: 'Int16',
  Windows: [{ Center: 40, Width: 400, Explanation: '' }],
} as unknown as Head;
const colour = { Slice: 1, Rows: 1, Columns: 2, Aspect: 1, Pixels: 'RGB' } as unknown as Head;

const drawn = () => new Promise((done) => setTimeout(done, 20));

describe('a window that was chosen', () => {
  beforeEach(() => {
    vi.stubGlobal('requestAnimationFrame', (draw: (now: number) => void) =>
      setTimeout(() => draw(performance.now())),
    );
    vi.stubGlobal('cancelAnimationFrame', clearTimeout);
    vi.stubGlobal('fetch', () => new Promise(() => {}));
  });
  afterEach(() => vi.unstubAllGlobals());

  it('holds for grey frames alone, and another one for colours', async () => {
    const viewer = new Viewer('s', order, { slice: 0, window: null });
    const { cache } = (viewer as unknown as { loader: { cache: Map<number, unknown> } }).loader;
    vi.spyOn(cache, 'get').mockImplementation((slice) =>
      slice === 0
        ? { head: grey, values: new Int16Array(2) }
        : { head: colour, values: new Uint8Array(6) },
    );
    viewer.start();
    await drawn();
    viewer.show({ window: { center: -600, width: 1500 } });
    viewer.goTo(1);
    await drawn();
    const { display, chosen } = viewer.snapshot();
    expect([display?.window, chosen]).toEqual([{ center: 127.5, width: 255 }, false]);
    viewer.dragWindow(160, 0);
    await drawn();
    expect(viewer.snapshot().display?.window.width).toBe(510);
    viewer.goTo(0);
    await drawn();
    expect(viewer.snapshot().display?.window).toEqual({ center: -600, width: 1500 });
    viewer.reset();
    await drawn();
    expect(viewer.snapshot().display?.window).toEqual({ center: 40, width: 400 });
    viewer.close();
  });
});
