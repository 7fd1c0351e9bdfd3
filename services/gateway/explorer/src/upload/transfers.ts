// SPDX-License-Identifier: Apache-2.0
/** The queue itself: four requests at a time, with a file each, or with several small ones. */
import { reachNow, subscribe } from '../api/reach';
import type { Outcome } from './outcomes';
import { sendFiles } from './request';

export type State =
  | 'waiting'
  | 'sending'
  | 'stored'
  | 'already'
  | 'partly'
  | 'notDicom'
  | 'refused'
  | 'failed'
  | 'cancelled'
  | 'leftOut';

export interface Found {
  path: string;
  file: File;
  /** Why the browser cannot read it. */
  unreadable?: string;
}

export interface Upload extends Found {
  state: State;
  /** Bytes. The browser looks at the disk whenever a file is asked for its size. */
  size: number;
  sent: number;
  /** What the store said, or which of our sentences tells it. */
  why: string;
  whyKey:
    | 'dicomdir'
    | 'filtered'
    | 'full'
    | 'noAnswer'
    | 'noneInIt'
    | 'partlyFiltered'
    | 'signedOut'
    | 'tooLarge'
    | 'unreachable'
    | 'unreadable'
    | null;
}

export interface Totals {
  files: number;
  /** Those that need no further try. */
  done: number;
  stored: number;
  /** Those that are not stored although they were to be. */
  left: number;
  failed: number;
  size: number;
  sent: number;
}

const AT_A_TIME = 4;
/** Of what goes with one request at most: a request costs as much as the bytes of a small file. */
const TOGETHER = { files: 16, bytes: 9_000_000 };
/** Milliseconds between two looks of the page, however many files there are. */
const TELL_EVERY = 150;
export const DONE: ReadonlySet<State> = new Set([
  'stored',
  'already',
  'partly',
  'notDicom',
  'refused',
  'failed',
  'cancelled',
  'leftOut',
]);

/** What a page says of it: a file that has left whole is with the store, which is not done yet. */
export function stageOf({ state, size, sent }: Upload): State | 'storing' {
  return state === 'sending' && sent >= size ? 'storing' : state;
}

export class UploadQueue {
  uploads: Upload[] = [];
  /** Studies that got images, with how many. */
  studies = new Map<string, number>();
  paused = false;
  /** What has not been sent yet waits until the store answers. */
  awaiting = false;
  onEnd: () => void = () => undefined;
  private next = 0;
  private again: Upload[] = [];
  private together = true;
  /** What was refused together, or was with a file that cannot be read. */
  private alone = new WeakSet<Upload>();
  /** ZIPs of which something is stored, and which are to be sent once more. */
  private begun = new WeakSet<Upload>();
  /** What ends each request that is on its way, and what it has. */
  private running = new Map<() => void, Upload[]>();
  /** What still finds files, in folders that were dropped. */
  private walks = new Set<AbortController>();
  private listeners = new Set<() => void>();
  private changes = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  version = () => this.changes;

  /** Go on whenever the store is back; what this returns ends that. */
  follow(): () => void {
    return subscribe(() => {
      if (reachNow() !== 'there') return;
      this.awaiting = false;
      this.fill();
    });
  }

  get busy(): boolean {
    return (
      this.walks.size > 0 ||
      this.running.size > 0 ||
      this.again.length > 0 ||
      this.next < this.uploads.length
    );
  }

  /** Add what a walk finds, until it ends or the rest is cancelled. */
  async gather(
    walk: (give: (found: Found[]) => void, stop: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const stop = new AbortController();
    this.walks.add(stop);
    this.tell();
    const before = this.uploads.length;
    try {
      await walk((found) => {
        if (!stop.signal.aborted) this.add(found);
      }, stop.signal);
    } finally {
      this.walks.delete(stop);
      this.tell();
      // Else the last upload says so when it ends, which knew that there may be more.
      if (!stop.signal.aborted && !this.busy && this.uploads.length > before) this.onEnd();
    }
  }

  add(found: readonly Found[]): void {
    for (const { unreadable, ...one } of found) {
      const isIndex = one.file.name.toUpperCase() === 'DICOMDIR';
      const { size } = one.file;
      this.uploads.push(
        unreadable === undefined
          ? {
              ...one,
              size,
              state: isIndex ? 'leftOut' : 'waiting',
              sent: 0,
              why: '',
              whyKey: isIndex ? 'dicomdir' : null,
            }
          : { ...one, size, state: 'refused', sent: 0, why: unreadable, whyKey: 'unreadable' },
      );
    }
    this.fill();
  }

  pause(): void {
    this.paused = true;
    this.tell();
  }

  resume(): void {
    this.paused = false;
    this.fill();
  }

  /** What is not begun, or not even found, and what is on its way, is not uploaded. */
  cancel(): void {
    for (const walk of this.walks) walk.abort();
    this.walks.clear();
    for (const upload of [...this.again, ...this.uploads.slice(this.next)])
      if (upload.state === 'waiting') upload.state = 'cancelled';
    this.again = [];
    this.next = this.uploads.length;
    for (const [abort, some] of this.running) {
      for (const upload of some) upload.state = 'cancelled';
      abort();
    }
    this.running.clear();
    this.paused = false;
    this.awaiting = false;
    this.tell();
  }

  /** Those that failed by accident; what was refused would be so again. */
  retry(): void {
    for (const upload of this.uploads) {
      if (upload.state !== 'failed' && upload.state !== 'cancelled') continue;
      Object.assign(upload, { state: 'waiting', sent: 0, why: '', whyKey: null });
      this.again.push(upload);
    }
    this.fill();
  }

  clear(): void {
    if (this.busy) return;
    this.uploads = [];
    this.studies = new Map();
    this.next = 0;
    this.tell();
  }

  totals(): Totals {
    const totals: Totals = { files: 0, done: 0, stored: 0, left: 0, failed: 0, size: 0, sent: 0 };
    for (const { state, size, sent } of this.uploads) {
      totals.files += 1;
      totals.size += size;
      if (state === 'failed' || state === 'cancelled') {
        totals.failed += 1;
        totals.left += 1;
        continue;
      }
      totals.sent += DONE.has(state) ? size : sent;
      if (DONE.has(state)) totals.done += 1;
      if (state === 'stored' || state === 'already') totals.stored += 1;
      else if (state !== 'leftOut' && DONE.has(state)) totals.left += 1;
    }
    return totals;
  }

  private fill(): void {
    while (!this.paused && !this.awaiting && this.running.size < AT_A_TIME) {
      const some = this.take();
      if (!some.length) break;
      this.send(some);
    }
    this.tell();
  }

  /** What goes with the next request. */
  private take(): Upload[] {
    // The last ones are shared among the requests.
    const left = this.again.length + this.uploads.length - this.next;
    const most = this.together ? Math.min(TOGETHER.files, Math.ceil(left / AT_A_TIME)) : 1;
    const taken: Upload[] = [];
    let bytes = 0;
    while (taken.length < most) {
      const upload = this.again[0] ?? this.uploads[this.next];
      if (!upload) break;
      if (upload.state === 'waiting') {
        const alone = this.alone.has(upload);
        bytes += upload.size;
        if (taken.length && (alone || bytes > TOGETHER.bytes)) break;
        taken.push(upload);
        if (alone) bytes = Number.POSITIVE_INFINITY;
      }
      if (this.again.length) this.again.shift();
      else this.next += 1;
    }
    return taken;
  }

  private send(some: Upload[]): void {
    for (const upload of some) upload.state = 'sending';
    const abort = sendFiles(
      some,
      () => this.tell(),
      ({ outcomes, notTogether, unreached }) => {
        if (!this.running.delete(abort)) return; // cancelled meanwhile
        if (notTogether) this.together = false;
        // The others would not fare better; another request may have been answered meanwhile.
        if (unreached && reachNow() !== 'there') this.awaiting = true;
        some.forEach((upload, at) => {
          if (outcomes[at]) this.over(upload, outcomes[at]);
        });
        this.fill();
        if (!this.busy) this.onEnd();
      },
    );
    this.running.set(abort, some);
  }

  private over(upload: Upload, { state, why, whyKey, stored }: Outcome): void {
    Object.assign(upload, { state, why, whyKey });
    for (const { ParentStudy, Status } of stored)
      if (Status !== 'AlreadyStored' || !this.begun.has(upload))
        this.studies.set(ParentStudy, (this.studies.get(ParentStudy) ?? 0) + 1);
    if (stored.length) this.begun.add(upload);
    if (state === 'waiting') {
      upload.sent = 0;
      this.alone.add(upload);
      this.again.push(upload);
    }
    // The others would not fare better until somebody has logged in again.
    if (whyKey === 'signedOut') this.paused = true;
  }

  private tell(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.changes += 1;
      for (const listener of this.listeners) listener();
    }, TELL_EVERY);
  }
}
