// SPDX-License-Identifier: Apache-2.0
/** Jobs as the store lists them, and what can be done with them. */
import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { ApiError, get, post } from '../api/client';
import type { Acted, JobRow, JobsPage, JobsPageAsked, UndeliveredTo } from '../api/schema';
import { PAGE } from '../grid/pages';
import type { Asked } from './address';

export type Action = JobRow['actions'][number];
const API = '/explorer/api/jobs';
/** As many jobs as the store takes in one request. */
const AT_A_TIME = 1_000;

export const jobsQuery = (asked: Asked, sort: string, round: number, after: string | null) =>
  queryOptions({
    queryKey: ['jobs', 'page', asked, sort, round, after],
    queryFn: ({ signal }) =>
      post<JobsPage>(API, { ...asked, sort, after, limit: PAGE } satisfies JobsPageAsked, {
        signal,
      }),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
  });

/** These jobs as they are now; `tick` is another number with each change that the store tells of. */
export const rowsQuery = (ids: string[], tick: number) =>
  queryOptions({
    queryKey: ['jobs', 'rows', ids, tick],
    queryFn: async ({ signal }) => {
      const { rows } = await post<JobsPage>(API, { ids, limit: 500 }, { signal });
      return { asked: new Set(ids), rows: new Map(rows.map((row) => [row.id, row])) };
    },
    placeholderData: keepPreviousData,
    gcTime: 10_000,
    enabled: ids.length > 0,
  });

export interface JobAnswer {
  ErrorDetails: string;
  Content: Record<string, unknown>;
}

export const jobQuery = (id: string, tick: number) =>
  queryOptions({
    queryKey: ['jobs', 'one', id, tick],
    queryFn: async ({ signal }) => {
      const [{ rows }, answer] = await Promise.all([
        post<JobsPage>(API, { ids: [id] }, { signal }),
        get<JobAnswer>(`/jobs/${encodeURIComponent(id)}`, { signal }).catch((error: unknown) => {
          if (error instanceof ApiError && error.status === 404) return null;
          throw error;
        }),
      ]);
      const [row] = rows;
      return row && answer ? { row, answer } : null;
    },
    placeholderData: (before) => (before?.row.id === id ? before : undefined),
    gcTime: 10_000,
  });

interface Named {
  ID: string;
  Type: string;
  MainDicomTags?: Record<string, string>;
  PatientMainDicomTags?: Record<string, string>;
}

/** What a job is about, of what is here. */
export const resourcesQuery = (ids: string[]) =>
  queryOptions({
    queryKey: ['jobs', 'resources', ids],
    queryFn: ({ signal }) => post<Named[]>('/tools/bulk-content', { Resources: ids }, { signal }),
    enabled: ids.length > 0,
  });

export const undeliveredQuery = (tick: number) =>
  queryOptions({
    queryKey: ['jobs', 'undelivered', tick],
    queryFn: ({ signal }) => get<UndeliveredTo[]>(`${API}/undelivered`, { signal }),
    placeholderData: keepPreviousData,
    gcTime: 10_000,
  });

export const identifiers = (asked: Asked) => post<string[]>(`${API}/identifiers`, asked);

export const retryAll = (destination: string) =>
  post<{ Jobs: string[] }>(
    `/jobs/dead-letters/retry?destination=${encodeURIComponent(destination)}`,
  );

/** Does it to jobs, however many; tells of how many, and why not of the others. */
export async function act(action: Action, ids: readonly string[]): Promise<Acted> {
  const whole: Acted = { done: 0, refused: {} };
  for (let at = 0; at < ids.length; at += AT_A_TIME) {
    const some = ids.slice(at, at + AT_A_TIME);
    const { done, refused } = await post<Acted>(`${API}/act`, { action, ids: some });
    whole.done += done;
    Object.assign(whole.refused, refused);
  }
  return whole;
}
