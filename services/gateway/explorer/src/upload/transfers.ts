// SPDX-License-Identifier: Apache-2.0
/** The queue itself: four requests at a time, each of which streams a file from the disk. */
import { MARK } from '../api/client';

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
}

export interface Upload extends Found {
  state: State;
  sent: number;
  /** What the store said, or which of our sentences tells it. */
  why: string;
  whyKey: 'dicomdir' | 'full' | 'tooLarge' | 'unreachable' | null;
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
  Status?: string;
  ParentStudy?: string;
}

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
  private listeners = new Set<() => void>();
  private changes = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  version = () => this.changes;

  get busy(): boolean {
    return this.running.size > 0 || this.again.length > 0 || this.next < this.uploads.length;
  }

  add(found: readonly Found[]): void {
    for (const one of found) {
      const isIndex = one.file.name.toUpperCase() === 'DICOMDIR';
      this.uploads.push({
        ...one,
        state: isIndex ? 'leftOut' : 'waiting',
        sent: 0,
        why: '',
        whyKey: isIndex ? 'dicomdir' : null,
      });
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

  /** What is not begun, and what is on its way, is not uploaded. */
  cancel(): void {
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
    for (const { state, file, sent } of this.uploads) {
      totals.files += 1;
      totals.size += file.size;
      totals.sent += DONE.has(state) ? file.size : sent;
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
    request.onerror = () => this.over(upload, 'failed', '', 'unreachable');
    request.send(upload.file);
  }

  private answered(upload: Upload, { status, responseText }: XMLHttpRequest): void {
    const answer = read(responseText);
    if (status === 200) {
      const all = (Array.isArray(answer) ? answer : [answer]) as Stored[];
      for (const { ParentStudy } of all)
        if (ParentStudy) this.studies.set(ParentStudy, (this.studies.get(ParentStudy) ?? 0) + 1);
      const already = all.length > 0 && all.every(({ Status }) => Status === 'AlreadyStored');
      this.over(upload, already ? 'already' : 'stored');
      return;
    }
    const told = (answer ?? {}) as { Details?: string; Message?: string };
    const why = told.Details || told.Message || String(status);
    if (status === 413) this.over(upload, 'refused', why, 'tooLarge');
    else if (status === 507) this.over(upload, 'failed', why, 'full');
    else if (status === 400) this.over(upload, 'notDicom', why);
    else if (status < 500) this.over(upload, 'refused', why);
    else this.over(upload, 'failed', why);
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

function read(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // a proxy's page, say
  }
}
