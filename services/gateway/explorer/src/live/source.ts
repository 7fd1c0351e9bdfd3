// SPDX-License-Identifier: Apache-2.0
/**
 * The stream of what happens in the store, kept open: it goes on behind the last study that it told
 * of, whatever cut it. Runs in a page, or in the worker that pages share.
 */
import type { JobNews, RemoteNews, StudiesGone, StudyArrived } from '../api/schema';

/** `refused`: the store answered, but not with a stream; who listens may have to sign in. */
export type LiveState = 'opening' | 'open' | 'paused' | 'refused';

export type Told =
  | { kind: 'state'; state: LiveState }
  | { kind: 'study'; id: string }
  | { kind: 'gone'; ids: readonly string[] }
  | { kind: 'jobs'; news: JobNews }
  | { kind: 'remotes'; news: RemoteNews };

/** The part of `EventSource` that is used. */
export interface Stream {
  readonly readyState: number;
  addEventListener: (name: string, listener: (event: MessageEvent<string>) => void) => void;
  close: () => void;
}

const ADDRESS = '/explorer/api/events';
/** Milliseconds after which a stream without a beat is dead; the store beats every 15 s. */
export const SILENCE = 45_000;
/** Before the next try, where the browser does not try again by itself. */
export const DELAYS = [1_000, 2_000, 5_000];
const CLOSED = 2;

export class Source {
  private stream: Stream | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private last = '';
  private failures = 0;

  constructor(
    private readonly tell: (told: Told) => void,
    private readonly open: (address: string) => Stream = (address) => new EventSource(address),
  ) {}

  start(): void {
    if (this.stream) return;
    const stream = this.open(this.last ? `${ADDRESS}?since=${this.last}` : ADDRESS);
    this.stream = stream;
    stream.addEventListener('open', () => {
      this.failures = 0;
      this.tell({ kind: 'state', state: 'open' });
      this.listen();
    });
    stream.addEventListener('error', () => {
      if (this.stream !== stream) return;
      const refused = stream.readyState === CLOSED;
      this.tell({ kind: 'state', state: refused ? 'refused' : 'paused' });
      if (refused) this.again(DELAYS[Math.min(this.failures, DELAYS.length - 1)]);
      else this.listen();
    });
    stream.addEventListener('beat', ({ lastEventId }) => {
      // The first one has the number that the stream begins behind.
      this.last = lastEventId || this.last;
      this.listen();
    });
    stream.addEventListener('study', ({ data, lastEventId }) => {
      this.last = lastEventId;
      this.listen();
      this.tell({ kind: 'study', id: (JSON.parse(data) as StudyArrived).id });
    });
    stream.addEventListener('gone', ({ data }) => {
      this.listen();
      this.tell({ kind: 'gone', ids: (JSON.parse(data) as StudiesGone).ids });
    });
    stream.addEventListener('jobs', ({ data }) => {
      this.listen();
      this.tell({ kind: 'jobs', news: JSON.parse(data) as JobNews });
    });
    stream.addEventListener('remotes', ({ data }) => {
      this.listen();
      this.tell({ kind: 'remotes', news: JSON.parse(data) as RemoteNews });
    });
    this.listen();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.stream?.close();
    this.stream = null;
    this.last = '';
    this.failures = 0;
  }

  /** Takes the stream for dead unless something comes within a time. */
  private listen(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.tell({ kind: 'state', state: 'paused' });
      this.again(0);
    }, SILENCE);
  }

  private again(delay = 0): void {
    clearTimeout(this.timer);
    this.stream?.close();
    this.stream = null;
    this.failures += 1;
    this.timer = setTimeout(() => this.start(), delay);
  }
}
