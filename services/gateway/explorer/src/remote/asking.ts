// SPDX-License-Identifier: Apache-2.0
/** Asking archives: each by itself, so that the answers of one do not wait for another. */
import { queryOptions, useQueries, useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import { del, get, post } from '../api/client';
import { type Asked, keysOf, saysSomething } from './address';
import type { Answer } from './merging';

/** Some browsers have six connections to a store: others have to get through, too. */
const AT_A_TIME = 3;

let running = 0;
const waiting: (() => void)[] = [];

/** Runs when its turn has come; who gives up meanwhile takes no turn. */
async function inTurn<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
  while (running >= AT_A_TIME) {
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    signal.throwIfAborted();
  }
  running += 1;
  try {
    return await run();
  } finally {
    running -= 1;
    // Those that have given up are woken as well, and pass.
    for (const wake of waiting.splice(0)) wake();
  }
}

async function ask(
  remote: string,
  level: 'Study' | 'Series',
  keys: Record<string, string>,
  signal: AbortSignal,
): Promise<Answer[]> {
  const path = `/modalities/${encodeURIComponent(remote)}/query`;
  const { ID } = await post<{ ID: string }>(path, { Level: level, Query: keys }, { signal });
  const answers = await get<Answer[]>(`/queries/${ID}/answers?expand&simplify`, { signal });
  // Nobody asks for these again; what cannot be forgotten now goes when it is old.
  del(`/queries/${ID}`).catch(() => undefined);
  return answers;
}

export const studiesQuery = (remote: string, asked: Asked, round: number) =>
  queryOptions({
    queryKey: ['remote', 'studies', remote, asked, round],
    queryFn: ({ signal }) => inTurn(signal, () => ask(remote, 'Study', keysOf(asked), signal)),
    enabled: saysSomething(asked),
    // An archive that refuses is asked again by who looks, not by the page.
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });

export const seriesQuery = (remote: string, studyUid: string) =>
  queryOptions({
    queryKey: ['remote', 'series', remote, studyUid],
    queryFn: ({ signal }) =>
      ask(
        remote,
        'Series',
        {
          StudyInstanceUID: studyUid,
          SeriesInstanceUID: '',
          SeriesNumber: '',
          SeriesDescription: '',
          Modality: '',
          NumberOfSeriesRelatedInstances: '',
        },
        signal,
      ),
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });

export interface Asking {
  remote: string;
  state: 'asking' | 'answered' | 'failed' | 'stopped';
  answers: Answer[];
  error: unknown;
  stop: () => void;
  again: () => void;
}

/** How far each archive is with its answer. */
export function useAsking(remotes: readonly string[], asked: Asked, round: number): Asking[] {
  const queries = useQueryClient();
  const all = remotes.map((remote) => studiesQuery(remote, asked, round));
  const results = useQueries({ queries: all });
  const stop = useCallback(
    (queryKey: readonly unknown[]) => void queries.cancelQueries({ queryKey, exact: true }),
    [queries],
  );
  return results.map((result, index) => ({
    remote: remotes[index] ?? '',
    state: result.isFetching
      ? 'asking'
      : result.error
        ? 'failed'
        : result.data
          ? 'answered'
          : 'stopped',
    answers: result.data ?? NOTHING,
    error: result.error,
    stop: () => stop(all[index]?.queryKey ?? []),
    again: () => void result.refetch(),
  }));
}

const NOTHING: Answer[] = [];
