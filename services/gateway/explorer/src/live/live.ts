// SPDX-License-Identifier: Apache-2.0
/** What happens in the store, as one stream for all pages of this browser tells it. */
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useSyncExternalStore } from 'react';
import type { JobNews, RemoteState } from '../api/schema';
import { sessionQuery } from '../api/session';
import { type LiveState, Source, type Told } from './source';
import type { Said } from './worker';

export interface Live {
  state: LiveState;
  /** How the jobs are; null before the stream has told. */
  jobs: JobNews | null;
  /** How modalities and peers are; null likewise. */
  remotes: readonly RemoteState[] | null;
}

const NOTHING: Live = { state: 'opening', jobs: null, remotes: null };

interface Line {
  join: () => void;
  leave: () => void;
}

let live: Live = NOTHING;
let line: Line | null = null;
const listeners = new Set<() => void>();
const studies = new Set<(id: string) => void>();
const deletions = new Set<(ids: readonly string[]) => void>();

function hear(told: Told): void {
  if (told.kind === 'study') {
    for (const listener of studies) listener(told.id);
    return;
  }
  if (told.kind === 'gone') {
    for (const listener of deletions) listener(told.ids);
    return;
  }
  if (told.kind === 'state') live = { ...live, state: told.state };
  else if (told.kind === 'jobs') live = { ...live, jobs: told.news };
  else live = { ...live, remotes: told.news.remotes };
  for (const listener of listeners) listener();
}

/** A stream of this page alone, where pages cannot share one. */
function ownLine(): Line {
  const source = new Source(hear);
  return { join: () => source.start(), leave: () => source.stop() };
}

function sharedLine(): Line {
  const worker = new SharedWorker(new URL('./worker.ts', import.meta.url), {
    type: 'module',
    name: 'pons-explorer',
  });
  worker.port.onmessage = ({ data }: MessageEvent<Told>) => hear(data);
  const say = (said: Said) => worker.port.postMessage(said);
  worker.onerror = () => {
    // Its file is not to be had: a page of before an upgrade goes on by itself.
    line = ownLine();
    line.join();
  };
  return { join: () => say('join'), leave: () => say('leave') };
}

function begin(): () => void {
  line ??= 'SharedWorker' in window ? sharedLine() : ownLine();
  line.join();
  // A page that is left cannot say so later; one that is come back to as it was listens again.
  const leave = () => line?.leave();
  const comeBack = (event: PageTransitionEvent) => event.persisted && line?.join();
  window.addEventListener('pagehide', leave);
  window.addEventListener('pageshow', comeBack);
  return () => {
    window.removeEventListener('pagehide', leave);
    window.removeEventListener('pageshow', comeBack);
    leave();
    live = NOTHING;
  };
}

/** Listens as long as somebody is signed in; asks who that is where the store refuses. */
export function useFollowing(signedIn: boolean): void {
  const queries = useQueryClient();
  const { state } = useLive();
  useEffect(() => (signedIn ? begin() : undefined), [signedIn]);
  useEffect(() => {
    if (state === 'refused') void queries.invalidateQueries({ queryKey: sessionQuery.queryKey });
  }, [state, queries]);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useLive(): Live {
  return useSyncExternalStore(subscribe, () => live);
}

/** How modalities and peers are, for what has nothing to do with jobs, which change often. */
export function useRemotes(): Live['remotes'] {
  return useSyncExternalStore(subscribe, () => live.remotes);
}

/** Calls back with each study that arrives, until what it returns is called. */
export function onStudy(listener: (id: string) => void): () => void {
  studies.add(listener);
  return () => studies.delete(listener);
}

/** Calls back with studies that were deleted, until what it returns is called. */
export function onGone(listener: (ids: readonly string[]) => void): () => void {
  deletions.add(listener);
  return () => deletions.delete(listener);
}
