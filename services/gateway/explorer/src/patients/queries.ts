// SPDX-License-Identifier: Apache-2.0
/** What the list of patients asks of the store. */
import { queryOptions } from '@tanstack/react-query';
import { post } from '../api/client';
import type { Asked, CountOfRows, PatientsAsked, PatientsPage } from '../api/schema';
import { PAGE } from '../grid/pages';
import { today } from '../studies/address';

export interface List {
  text: string;
  sort: string;
  /** Another one for the list as it is now. */
  round: number;
}

export const pageQuery = ({ text, sort, round }: List, after: string | null) =>
  queryOptions({
    queryKey: ['patients', 'page', text, sort, round, after],
    queryFn: ({ signal }) =>
      post<PatientsPage>(
        '/explorer/api/patients',
        { text, today: today(), sort, after, limit: PAGE } satisfies PatientsAsked,
        { signal },
      ),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
  });

export const countQuery = ({ text, round }: List) =>
  queryOptions({
    queryKey: ['patients', 'count', text, round],
    queryFn: ({ signal }) =>
      post<CountOfRows>('/explorer/api/patients/count', { text, today: today() } satisfies Asked, {
        signal,
      }),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
  });
