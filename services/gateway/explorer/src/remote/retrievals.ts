// SPDX-License-Identifier: Apache-2.0
/** What is being retrieved: above the pages, and known again after a reload, so that nothing is fetched twice. */
import { useSyncExternalStore } from 'react';
import { ApiError, get, post } from '../api/client';
import type { JobRow, JobsPage, JobsPageAsked } from '../api/schema';

export interface Target {
  /** Of its row. */
  key: string;
  studyUid: string;
  /** Only this series. */
  seriesUid?: string;
}

export interface Retrieval extends Target {
  remote: string;
  /** Null until the store has said. */
  job: string | null;
  /** `forgotten`: over, but the store has no place any more for what its job has told. */
  state: 'waiting' | 'running' | 'done' | 'failed' | 'forgotten';
  progress: number;
  why: string;
}

export interface Remote {
  name: string;
  method: 'C-MOVE' | 'C-GET';
}

const KEPT = 'pons-explorer-retrievals';
/** Milliseconds between two looks at the jobs; as many as the store tells of in one request. */
const LOOK = 1_000;
const AT_A_TIME = 500;
/** Retrievals that are remembered after their end. */
const MOST_ENDED = 500;

export const isUnderWay = ({ state }: Retrieval) => state === 'waiting' || state === 'running';

export class Retrievals {
  /** Called when one has ended. */
  onEnd: (one: Retrieval) => void = () => undefined;
  private all = new Map<string, Retrieval>();
  private listeners = new Set<() => void>();
  private changes = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Nobody is signed in: the store is asked again when somebody looks at the page. */
  private resting = false;

  constructor(private readonly storage: Pick<Storage, 'getItem' | 'setItem'> | null) {
    for (const one of this.kept()) this.all.set(nameOf(one), one);
    if (this.underWay().length) this.lookLater();
    globalThis.addEventListener?.('focus', () => {
      if (this.resting) this.lookLater();
    });
  }

  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  version = () => this.changes;

  /** The last retrieval of this, or of the whole study that it is in while that is under way. */
  of(target: Target): Retrieval | undefined {
    const whole = this.all.get(nameOf({ ...target, seriesUid: '' }));
    if (target.seriesUid && whole && isUnderWay(whole)) return whole;
    return this.all.get(nameOf(target));
  }

  /** Whether it, or a part of it, is on its way. */
  isUnderWay(target: Target): boolean {
    const one = this.of(target);
    if (one && isUnderWay(one)) return true;
    return !target.seriesUid && this.underWay().some(({ key }) => key === target.key);
  }

  underWay(): Retrieval[] {
    return [...this.all.values()].filter(isUnderWay);
  }

  /** Have it fetched as a job; what is on its way already is not fetched again. */
  async start({ name, method }: Remote, target: Target): Promise<void> {
    if (this.isUnderWay(target)) return;
    const one: Retrieval = {
      ...target,
      remote: name,
      job: null,
      state: 'waiting',
      progress: 0,
      why: '',
    };
    // The newest last, since the oldest ones are forgotten first.
    this.all.delete(nameOf(one));
    this.all.set(nameOf(one), one);
    this.tell();
    const { studyUid: StudyInstanceUID, seriesUid: SeriesInstanceUID } = target;
    const path = `/modalities/${encodeURIComponent(name)}/${method === 'C-GET' ? 'get' : 'move'}`;
    try {
      const { ID } = await post<{ ID: string }>(path, {
        Level: SeriesInstanceUID ? 'Series' : 'Study',
        Resources: [
          SeriesInstanceUID ? { StudyInstanceUID, SeriesInstanceUID } : { StudyInstanceUID },
        ],
        Synchronous: false,
      });
      one.job = ID;
      this.tell();
      this.lookLater();
    } catch (error) {
      this.end(one, 'failed', error instanceof Error ? error.message : String(error));
    }
  }

  private lookLater(): void {
    this.timer ??= setTimeout(() => void this.look(), LOOK);
  }

  private async look(): Promise<void> {
    this.resting = false;
    const begun = this.underWay().filter(({ job }) => job !== null);
    // All of them: some may rest for hours, and the store lists those that ended for a while only.
    for (let at = 0; at < begun.length; at += AT_A_TIME)
      await this.lookAt(begun.slice(at, at + AT_A_TIME));
    this.timer = undefined;
    this.tell();
    if (this.underWay().length && !this.resting) this.lookLater();
  }

  private async lookAt(some: readonly Retrieval[]): Promise<void> {
    const ids = some.flatMap(({ job }) => job ?? []);
    try {
      const asked = { ids, limit: AT_A_TIME } satisfies JobsPageAsked;
      const { rows } = await post<JobsPage>('/explorer/api/jobs', asked);
      const known = new Map(rows.map((row) => [row.id, row]));
      for (const one of some) {
        const row = known.get(one.job ?? '');
        if (row) this.learn(one, row);
        else await this.lookForLost(one);
      }
    } catch (error) {
      // A store that is away is asked again.
      this.resting = error instanceof ApiError && error.status === 401;
    }
  }

  private learn(one: Retrieval, { state, progress, error }: JobRow): void {
    one.progress = Math.round(progress * 100);
    if (state === 'Success') this.end(one, 'done');
    else if (state === 'Failure' || state === 'Undelivered') this.end(one, 'failed', error);
    else if (state === 'Running') one.state = 'running';
  }

  /** A list may be a moment old; who is asked for the job itself knows whether it is over. */
  private async lookForLost(one: Retrieval): Promise<void> {
    try {
      await get(`/jobs/${one.job}`);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
      this.end(one, 'forgotten');
    }
  }

  private end(one: Retrieval, state: 'done' | 'failed' | 'forgotten', why = ''): void {
    Object.assign(one, { state, why });
    const ended = [...this.all.entries()].filter(([, other]) => !isUnderWay(other));
    for (const [name] of ended.slice(0, -MOST_ENDED)) this.all.delete(name);
    this.tell();
    this.onEnd(one);
  }

  private tell(): void {
    this.changes += 1;
    try {
      const kept = this.underWay().filter(({ job }) => job !== null);
      this.storage?.setItem(KEPT, JSON.stringify(kept));
    } catch {
      // Without a place to keep them they are known until the page is left.
    }
    for (const listener of this.listeners) listener();
  }

  private kept(): Retrieval[] {
    try {
      const kept: unknown = JSON.parse(this.storage?.getItem(KEPT) ?? '[]');
      return Array.isArray(kept) ? kept.filter(isRetrieval) : [];
    } catch {
      return []; // storage is forbidden, or holds no JSON
    }
  }
}

const nameOf = ({ key, seriesUid }: Target) => `${key} ${seriesUid ?? ''}`;

const isRetrieval = (kept: unknown): kept is Retrieval =>
  typeof kept === 'object' &&
  kept !== null &&
  ['key', 'studyUid', 'remote', 'job', 'state', 'why'].every(
    (name) => typeof (kept as Record<string, unknown>)[name] === 'string',
  ) &&
  typeof (kept as Retrieval).progress === 'number';

/** Of this window: another one has its own, as with everything that is in its address. */
const storageOfWindow = () => {
  try {
    return sessionStorage;
  } catch {
    return null; // storage is forbidden
  }
};

export const retrievals = new Retrievals(storageOfWindow());

export function useRetrievals(): Retrievals {
  useSyncExternalStore(retrievals.subscribe, retrievals.version);
  return retrievals;
}
