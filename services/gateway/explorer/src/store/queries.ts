// SPDX-License-Identifier: Apache-2.0
/** What the page of the store asks for, again and again while it is looked at. */
import { queryOptions } from '@tanstack/react-query';
import { get, post } from '../api/client';
import type {
  JobsPage,
  ServicesPresent,
  StoreHistory,
  StoreState,
  UndeliveredTo,
} from '../api/schema';
import type { JobsState } from './attention';

/** Ranges of the history, in hours. */
export const RANGES = [1, 24, 168] as const;
export type Range = (typeof RANGES)[number];

export interface Rule {
  When: unknown[];
  KeepDays: number;
  Delete: 'AfterKeepDays' | 'WhenRoomIsNeeded';
  Enabled: boolean;
}

export const storeQuery = queryOptions({
  queryKey: ['store', 'state'],
  queryFn: ({ signal }) => get<StoreState>('/explorer/api/store', { signal }),
  refetchInterval: 15_000,
});

export const servicesQuery = queryOptions({
  queryKey: ['store', 'services'],
  queryFn: ({ signal }) => get<ServicesPresent>('/explorer/api/services', { signal }),
  refetchInterval: 15_000,
});

export const jobsStateQuery = queryOptions({
  queryKey: ['store', 'jobs'],
  queryFn: async ({ signal }): Promise<JobsState> => {
    const [{ states, cancelled }, undelivered] = await Promise.all([
      post<JobsPage>('/explorer/api/jobs', { limit: 1 }, { signal }),
      get<UndeliveredTo[]>('/explorer/api/jobs/undelivered', { signal }),
    ]);
    return { states, cancelled, undelivered };
  },
  refetchInterval: 15_000,
});

export const historyQuery = (hours: Range) =>
  queryOptions({
    queryKey: ['store', 'history', hours],
    queryFn: ({ signal }) => get<StoreHistory>(`/explorer/api/rates?hours=${hours}`, { signal }),
    refetchInterval: 60_000,
  });

export const rulesQuery = queryOptions({
  queryKey: ['store', 'rules'],
  queryFn: ({ signal }) => get<Record<string, Rule>>('/retention/rules?expand', { signal }),
});
