// SPDX-License-Identifier: Apache-2.0
/** What is looked at, and how: draws the frame in a canvas of its own size, once for each screen refresh. */
import { type Display, displayOf, paint } from './display';
import type { Arrived, Frame, Head, Refused, Window } from './frame';
import { fitted, type Placement, type Point, type Size, transformOf, zoomed } from './geometry';
import { type Order, SeriesLoader } from './loader';

export type Tool = 'window' | 'pan' | 'zoom' | 'length' | 'scroll';

export interface Line {
  slice: number;
  from: Point;
  to: Point;
}

/** What the page around the picture shows. */
export interface Seen {
  slice: number;
  /** The frame that is drawn, which is that of `slice` unless that has not come. */
  head: Head | null;
  refused: Refused | null;
  waiting: boolean;
  display: Display | null;
  /** Whether the window was chosen, and holds for every frame. */
  chosen: boolean;
  placement: Placement | null;
  tool: Tool;
  playing: boolean;
  rate: number;
  lines: Line[];
  loaded: number;
  error: Error | null;
}

const NOTHING: Seen = {
  slice: 0,
  head: null,
  refused: null,
  waiting: true,
  display: null,
  chosen: false,
  placement: null,
  tool: 'window',
  playing: false,
  rate: 15,
  lines: [],
  loaded: 0,
  error: null,
};
export const RATES = [1, 2, 5, 10, 15, 20, 30] as const;

/** Grey frames and coloured ones: a window of the one means nothing for the other. */
const kindOf = (head: Head) => (head.Pixels === 'RGB' ? 'colour' : 'grey');

export class Viewer {
  private readonly loader: SeriesLoader;
  private seen: Seen;
  private readonly listeners = new Set<() => void>();
  private canvas: HTMLCanvasElement | null = null;
  private image: ImageData | null = null;
  private stage: Size = { width: 0, height: 0 };
  private moved: Placement | null = null;
  /** The windows that were chosen. */
  private readonly own = new Map<'grey' | 'colour', Display>();
  /** The window of the address, until there is a frame to apply it to. */
  private given: Window | null;
  private inverted = false;
  private scheduled = 0;
  private playedAt = 0;

  constructor(
    series: string,
    readonly order: Order,
    start: { slice: number; window: Window | null },
  ) {
    const slice = Math.min(Math.max(start.slice, 0), order.Total - 1);
    this.seen = { ...NOTHING, slice };
    this.given = start.window;
    this.loader = new SeriesLoader(series, order, {
      arrived: (frame) => this.arrived(frame),
      failed: (error) => {
        this.seen = { ...this.seen, error };
        this.redraw();
      },
    });
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  readonly snapshot = (): Seen => this.seen;

  start(): void {
    this.loader.look(this.seen.slice);
    this.redraw();
  }

  close(): void {
    cancelAnimationFrame(this.scheduled);
    this.scheduled = 0;
    this.loader.close();
  }

  attach(canvas: HTMLCanvasElement | null): void {
    this.canvas = canvas;
    this.image = null;
    if (canvas) this.redraw();
  }

  resize(stage: Size): void {
    this.stage = stage;
    this.redraw();
  }

  get size(): Size {
    return this.stage;
  }

  /** The frame that is drawn, to read its values. */
  get drawn(): Frame | null {
    const frame = this.loader.cache.get(this.seen.slice);
    return frame?.values && this.seen.head === frame.head ? frame : null;
  }

  goTo(slice: number): void {
    const next = Math.min(Math.max(Math.round(slice), 0), this.order.Total - 1);
    if (next === this.seen.slice) return;
    this.change({ slice: next });
    this.loader.look(next);
  }

  step(by: number): void {
    this.goTo(this.seen.slice + by);
  }

  use(tool: Tool): void {
    this.change({ tool });
  }

  show(display: Partial<Display>): void {
    const { display: now, head } = this.seen;
    if (!now) return;
    if (display.inverted !== undefined) this.inverted = display.inverted;
    if (head && (display.window || display.voiLut !== undefined || display.function)) {
      this.own.set(kindOf(head), { ...now, ...display, voiLut: display.voiLut ?? null });
    }
    this.redraw();
  }

  /** The window moved: by so many widths across, and by so much of the width down. */
  dragWindow(dx: number, dy: number): void {
    const { display: now, head } = this.seen;
    if (!now || !head) return;
    const { center, width } = now.window;
    const wider = Math.max(width * 2 ** (dx / 160), 1e-6);
    const window = { center: center - dy * (width / 250), width: wider };
    this.own.set(kindOf(head), { ...now, window, voiLut: null });
    this.redraw();
  }

  pan(dx: number, dy: number): void {
    const at = this.placement();
    if (at) this.place({ ...at, x: at.x + dx, y: at.y + dy });
  }

  zoom(factor: number, point?: Point): void {
    const at = this.placement();
    const middle = { x: this.stage.width / 2, y: this.stage.height / 2 };
    if (at) this.place(zoomed(at, this.stage, point ?? middle, factor));
  }

  /** As large as it is, one pixel of the screen for each column. */
  original(): void {
    const at = this.placement();
    if (at) this.place({ ...at, x: 0, y: 0, scale: 1 });
  }

  flip(axis: 'X' | 'Y'): void {
    const at = this.placement();
    if (!at) return;
    if (axis === 'X') this.place({ ...at, flippedX: !at.flippedX, x: -at.x });
    else this.place({ ...at, flippedY: !at.flippedY, y: -at.y });
  }

  fit(): void {
    this.moved = null;
    this.redraw();
  }

  reset(): void {
    this.moved = null;
    this.own.clear();
    this.inverted = false;
    this.change({ lines: [] });
  }

  play(playing: boolean): void {
    this.playedAt = performance.now();
    this.change({ playing });
  }

  setRate(rate: number): void {
    this.change({ rate });
  }

  /** Begin a length, or move its end, which is in the frame that it begins in or nowhere. */
  measure(line: Line | null, add: boolean): void {
    const { lines } = this.seen;
    if (!add && line && lines.at(-1)?.slice !== line.slice) return;
    const kept = add ? lines : lines.slice(0, -1);
    this.change({ lines: line ? [...kept, line] : kept });
  }

  clearLines(): void {
    this.change({ lines: [] });
  }

  again(): void {
    this.change({ error: null });
    if (this.seen.refused) this.loader.again(this.seen.slice);
    else this.loader.retry();
  }

  placement(): Placement | null {
    const { head } = this.seen;
    if (!head) return null;
    return this.moved ?? fitted(head, this.stage);
  }

  private place(at: Placement): void {
    this.moved = at;
    this.redraw();
  }

  private change(change: Partial<Seen>): void {
    this.seen = { ...this.seen, ...change };
    this.redraw();
  }

  private arrived(frame: Arrived): void {
    if (frame.head.Slice === this.seen.slice || this.seen.loaded !== this.loader.loaded) {
      this.redraw();
    }
  }

  /** Draw before the next refresh of the screen, once, whatever has changed until then. */
  private redraw(): void {
    if (this.scheduled) return;
    this.scheduled = requestAnimationFrame((now) => {
      this.scheduled = 0;
      if (this.seen.playing) this.playOn(now);
      this.draw();
      for (const listener of this.listeners) listener();
    });
  }

  /** The next frame when its time has come, if it is there; the first after the last. */
  private playOn(now: number): void {
    if (now - this.playedAt >= 1000 / this.seen.rate) {
      const next = (this.seen.slice + 1) % this.order.Total;
      this.loader.look(next);
      if (this.loader.cache.has(next)) {
        this.playedAt = now;
        this.seen = { ...this.seen, slice: next };
      }
    }
    this.redraw();
  }

  private draw(): void {
    const arrived = this.loader.cache.get(this.seen.slice);
    const loaded = this.loader.loaded;
    if (!arrived) {
      // What was drawn before is another frame: it does not stay as if it were this one.
      this.seen = { ...this.seen, waiting: true, head: null, refused: null, loaded };
      return;
    }
    if (!arrived.values) {
      const { head } = arrived;
      this.seen = { ...this.seen, waiting: false, refused: head, head: null, loaded };
      return;
    }
    const { head } = arrived;
    if (this.given) {
      this.own.set(kindOf(head), { ...displayOf(head), window: this.given, voiLut: null });
      this.given = null;
    }
    const own = this.own.get(kindOf(head));
    const display = { ...(own ?? displayOf(head)), inverted: this.inverted };
    if (display.voiLut !== null && !head.VoiLuts?.[display.voiLut]) display.voiLut = null;
    this.seen = {
      ...this.seen,
      head,
      refused: null,
      waiting: false,
      display,
      chosen: own !== undefined,
      placement: this.moved ?? fitted(head, this.stage),
      loaded,
    };
    this.drawFrame(arrived, display);
  }

  private drawFrame(frame: Frame, display: Display): void {
    const { canvas } = this;
    const context = canvas?.getContext('2d', { alpha: false });
    if (!canvas || !context || !this.seen.placement) return;
    performance.mark('draw');
    const { Columns: width, Rows: height } = frame.head;
    if (canvas.width !== width || canvas.height !== height || !this.image) {
      canvas.width = width;
      canvas.height = height;
      this.image = context.createImageData(width, height);
    }
    const { buffer, byteOffset } = this.image.data;
    paint(frame, display, new Uint32Array(buffer, byteOffset, width * height));
    context.putImageData(this.image, 0, 0);
    canvas.style.transform = transformOf(frame.head, this.seen.placement);
    canvas.dataset.slice = String(frame.head.Slice);
    performance.measure('draw', 'draw');
  }
}
