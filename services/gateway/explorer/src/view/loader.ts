// SPDX-License-Identifier: Apache-2.0
/** Brings the frames of a series into memory: those that are looked at first, then those around. */
import { ApiError, MARK } from '../api/client';
import { heard, isOfNow } from '../api/reach';
import { BUDGET, FrameCache } from './cache';
import type { Arrived } from './frame';
import { FrameReader } from './stream';

export interface Order {
  Content: string;
  Type: 'Volume' | 'Sequence';
  Total: number;
  Instances: { Instance: string; Content: string; First: number; Count: number }[];
}

/** Frames of one request: enough that requests cost little, few enough that one is soon over. */
const CHUNK = 40;
const AT_ONCE = 2;
const PATIENCE = [500, 1_000, 2_000, 4_000, 8_000];

interface Request {
  from: number;
  count: number;
  /** The next frame that has not come. */
  next: number;
  stop: AbortController;
}

export interface Listener {
  /** A frame is in memory. */
  arrived(frame: Arrived): void;
  /** Nothing comes any more; null: it goes on. */
  failed(error: Error | null): void;
}

export class SeriesLoader {
  readonly cache: FrameCache;
  private current = 0;
  private direction = 1;
  /** How far from the current one frames did not find room: none as far is asked for again. */
  private full = Number.POSITIVE_INFINITY;
  private requests: Request[] = [];
  private failures = 0;
  private closed = false;
  /** Nothing more is asked for: the last failure does not pass by itself. */
  private stuck = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Frames that are asked for past whatever the browser has kept. */
  private readonly afresh = new Set<number>();

  constructor(
    private readonly series: string,
    private readonly order: Order,
    private readonly listener: Listener,
    budget = BUDGET,
  ) {
    this.cache = new FrameCache(budget);
  }

  /** Look at a frame: it comes first, then what lies in the direction of the last move. */
  look(slice: number): void {
    if (slice !== this.current) {
      this.direction = slice > this.current ? 1 : -1;
      this.full = Number.POSITIVE_INFINITY;
    }
    this.current = slice;
    if (!this.cache.has(slice) && !this.requests.some((one) => soon(one, slice))) {
      // What is under way is not what is waited for.
      for (const one of this.requests) one.stop.abort();
      this.requests = [];
    }
    this.go();
  }

  /** Ask once more for a frame that could not be shown. */
  again(slice: number): void {
    this.cache.remove(slice);
    this.afresh.add(slice);
    this.retry();
    this.look(slice);
  }

  /** Go on after a failure. */
  retry(): void {
    this.failures = 0;
    this.stuck = false;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.go();
  }

  /** How many frames are in memory, for the bar that shows it. */
  get loaded(): number {
    return this.cache.size;
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    for (const one of this.requests) one.stop.abort();
    this.requests = [];
  }

  private go(): void {
    if (this.closed || this.stuck || this.timer) return;
    while (this.requests.length < AT_ONCE) {
      const wanted = this.wanted();
      if (!wanted) return;
      void this.ask(wanted.from, wanted.count);
    }
  }

  /** The next run of frames that is neither here nor on its way. */
  private wanted(): { from: number; count: number } | null {
    const missing = (slice: number) =>
      slice >= 0 &&
      slice < this.order.Total &&
      !this.cache.has(slice) &&
      !this.requests.some((one) => slice >= one.next && slice < one.from + one.count);
    const seen = this.cache.get(this.current);
    // Before the first frame nobody knows how large they are: it comes alone with a few others.
    const room = seen?.values ? this.cache.room(seen) : 8;
    // As many on each side as there is room for, beside the current one.
    const reach = Math.min(Math.floor((room - 1) / 2), this.full - 1);
    const first = this.first(missing, reach);
    if (first === null) return null;
    if (this.afresh.has(first)) return { from: first, count: 1 };
    let [from, end] = [first, first + 1];
    const most = Math.min(CHUNK, Math.max(1, room - 1), seen?.values ? CHUNK : 8);
    if (first < this.current) {
      while (end - from < most && missing(from - 1) && this.current - from < reach) from -= 1;
    } else {
      while (end - from < most && missing(end) && end - this.current <= reach) end += 1;
    }
    return { from, count: end - from };
  }

  /** The missing frame that will be wanted first: ahead twice as far as behind. */
  private first(missing: (slice: number) => boolean, reach: number): number | null {
    if (missing(this.current)) return this.current;
    for (let ahead = 1; ahead <= reach; ahead++) {
      const before = this.current + this.direction * ahead;
      if (missing(before)) return before;
      const behind = this.current - this.direction * (ahead >> 1);
      if (missing(behind)) return behind;
    }
    for (let away = reach >> 1; away <= reach; away++) {
      const behind = this.current - this.direction * away;
      if (missing(behind)) return behind;
    }
    return null;
  }

  private async ask(from: number, count: number): Promise<void> {
    const request: Request = { from, count, next: from, stop: new AbortController() };
    this.requests.push(request);
    try {
      await this.read(request);
      this.failures = 0;
      this.listener.failed(null);
    } catch (error) {
      if (request.stop.signal.aborted) return;
      this.failed(error instanceof Error ? error : new Error(String(error)));
    } finally {
      this.requests = this.requests.filter((one) => one !== request);
    }
    this.go();
  }

  private async read(request: Request): Promise<void> {
    const { from, count, stop } = request;
    const path = `/series/${this.series}/frames?from=${from}&count=${count}&content=${this.order.Content}`;
    const answer = await fetch(path, {
      headers: MARK,
      signal: stop.signal,
      cache: this.afresh.has(from) ? 'reload' : 'default',
    }).catch((error: unknown) => {
      if (stop.signal.aborted) throw error;
      heard(0);
      throw new ApiError('GET', path, 0, {});
    });
    // What the browser has kept says nothing of the store.
    if (isOfNow(answer) || !answer.ok) heard(answer.status);
    if (!answer.ok || !answer.body) {
      const told = (await answer.json().catch(() => ({}))) as { Details?: string };
      throw new ApiError('GET', path, answer.status, told);
    }
    this.afresh.delete(from);
    const reader = new FrameReader();
    const body = answer.body.getReader();
    for (;;) {
      const { done, value } = await body.read();
      if (done) break;
      for (const frame of reader.push(value)) {
        if (this.closed || stop.signal.aborted) return;
        request.next = frame.head.Slice + 1;
        this.full = Math.min(this.full, this.cache.add(frame, this.current));
        this.listener.arrived(frame);
      }
    }
    reader.end();
    // An answer that the browser may keep ends before a frame that cannot be shown now.
    if (request.next === from) throw new Error('the stream of frames broke off');
  }

  private failed(error: Error): void {
    const wait = PATIENCE[this.failures++];
    const passes = !(error instanceof ApiError) || error.status === 0 || error.status >= 500;
    this.listener.failed(error);
    if (!passes || wait === undefined) {
      this.stuck = true;
      return;
    }
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.go();
    }, wait);
  }
}

/** Whether a request brings a frame within a few others. */
function soon(request: Request, slice: number): boolean {
  return slice >= request.next && slice < Math.min(request.from + request.count, request.next + 12);
}
