// SPDX-License-Identifier: Apache-2.0
/** The queue itself: four requests at a time, each of which streams a file from the disk. */
import { MARK, SIGNED_OUT } from '../api/client';
import { heard } from '../api/reach';

export type State =
  | 'waiting'
  | 'sending'
  | 'stored'
  | 'already'
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
    | 'partlyFiltered'
    | 'signedOut'
    | 'tooLarge'
    | 'unreachable'
    | 'unreadable'
    | null;
}

export interface Totals {
  files: number;
  done: number;
  stored: number;
  failed: number;
  size: number;
  sent: number;
}

interface Stored {
  Status: string;
  ParentStudy: string;
}

export type Outcome = Pick<Upload, 'state' | 'why' | 'whyKey'> & {
  /** What is in the store now. */
  stored: Stored[];
};

const AT_A_TIME = 4;
/** Milliseconds between two looks of the page, however many files there are. */
const TELL_EVERY = 150;
export const DONE: ReadonlySet<State> = new Set([
  'stored',
  'already',
  'notDicom',
  'refused',
  'failed',
  'cancelled',
  'leftOut',
]);

export class UploadQueue {
  uploads: Upload[] = [];
  /** Studies that got images, with how many. */
  studies = new Map<string, number>();
  paused = false;
  onEnd: () => void = () => undefined;
  private next = 0;
  private again: Upload[] = [];
  private running = new Map<Upload, XMLHttpRequest>();
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
    for (const [upload, request] of this.running) {
      upload.state = 'cancelled';
      request.abort();
    }
    this.running.clear();
    this.paused = false;
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
    const totals: Totals = { files: 0, done: 0, stored: 0, failed: 0, size: 0, sent: 0 };
    for (const { state, size, sent } of this.uploads) {
      totals.files += 1;
      totals.size += size;
      totals.sent += DONE.has(state) ? size : sent;
      if (DONE.has(state)) totals.done += 1;
      if (state === 'stored' || state === 'already') totals.stored += 1;
      if (state === 'failed' || state === 'cancelled') totals.failed += 1;
    }
    return totals;
  }

  private fill(): void {
    while (!this.paused && this.running.size < AT_A_TIME) {
      const upload = this.again.shift() ?? this.uploads[this.next++];
      if (!upload) {
        this.next = this.uploads.length;
        break;
      }
      if (upload.state === 'waiting') this.send(upload);
    }
    this.tell();
  }

  private send(upload: Upload): void {
    // Only XMLHttpRequest tells how much has left.
    const request = new XMLHttpRequest();
    this.running.set(upload, request);
    upload.state = 'sending';
    request.open('POST', '/instances');
    for (const [name, value] of Object.entries(MARK)) request.setRequestHeader(name, value);
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.upload.onprogress = ({ loaded }) => {
      upload.sent = loaded;
      this.tell();
    };
    request.onload = () => this.answered(upload, request);
    request.onerror = () => {
      heard(0);
      this.over(upload, 'failed', '', 'unreachable');
    };
    request.send(upload.file);
  }

  private answered(upload: Upload, { status, responseText }: XMLHttpRequest): void {
    heard(status);
    const { stored, state, why, whyKey } = outcomeOf(status, responseText);
    for (const { ParentStudy } of stored)
      this.studies.set(ParentStudy, (this.studies.get(ParentStudy) ?? 0) + 1);
    if (status === 401) {
      // The others would not fare better until somebody has logged in again.
      this.paused = true;
      window.dispatchEvent(new Event(SIGNED_OUT));
    }
    this.over(upload, state, why, whyKey);
  }

  private over(upload: Upload, state: State, why = '', whyKey: Upload['whyKey'] = null): void {
    if (!this.running.delete(upload)) return; // cancelled meanwhile
    Object.assign(upload, { state, why, whyKey });
    this.fill();
    if (!this.busy) this.onEnd();
  }

  private tell(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.changes += 1;
      for (const listener of this.listeners) listener();
    }, TELL_EVERY);
  }
}

/** What became of a file, as the store answers: 200 says only that it was understood. */
export function outcomeOf(status: number, text: string): Outcome {
  const answer = read(text);
  const nothing = { stored: [], why: '', whyKey: null };
  if (status === 200) {
    const all = (Array.isArray(answer) ? answer : [answer]) as (Stored | null)[];
    // Who answers otherwise is not the store: a proxy's form to log in, say.
    if (!all.every((one): one is Stored => typeof one?.Status === 'string'))
      return { ...nothing, state: 'failed', whyKey: 'noAnswer' };
    if (!all.length) return { ...nothing, state: 'notDicom' };
    const stored = all.filter(({ Status }) => Status !== 'FilteredOut');
    if (!stored.length) return { ...nothing, state: 'refused', whyKey: 'filtered' };
    const state = stored.every(({ Status }) => Status === 'AlreadyStored') ? 'already' : 'stored';
    const whyKey = stored.length < all.length ? 'partlyFiltered' : null;
    return { stored, state, why: '', whyKey };
  }
  const told = (answer ?? {}) as { Details?: string; Message?: string };
  const why = told.Details || told.Message || String(status);
  const failed = { ...nothing, why };
  if (status === 401) return { ...failed, state: 'failed', whyKey: 'signedOut' };
  if (status === 413) return { ...failed, state: 'refused', whyKey: 'tooLarge' };
  if (status === 507) return { ...failed, state: 'failed', whyKey: 'full' };
  if (status === 400) return { ...failed, state: 'notDicom' };
  // Too many at once, or too slow, passes.
  const passes = status >= 500 || status === 408 || status === 429;
  return { ...failed, state: passes ? 'failed' : 'refused' };
}

function read(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // a proxy's page, say
  }
}
