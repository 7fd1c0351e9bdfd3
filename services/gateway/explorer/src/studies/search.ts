// SPDX-License-Identifier: Apache-2.0
/** Explorer's search as the store answers it: pages of rows, how many, and under which labels. */
import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { get, post } from '../api/client';
import type {
  CountOfRows,
  Facets,
  ListedPage,
  ListedStudy,
  PageAsked,
  Understood,
  Without,
} from '../api/schema';
import { PAGE } from '../grid/pages';
import { type Asked, type Sort, today } from './address';

export type Row = ListedStudy;
export type Term = Understood;
export type Count = CountOfRows;
export type PageOfRows = ListedPage;
export type Loss = Without;

const API = '/explorer/api';
const everything = (): Asked => ({ text: '', today: today(), filters: {} });

export const pageQuery = (asked: Asked, sort: Sort, round: number, after: string | null) =>
  queryOptions({
    queryKey: ['studies', 'page', asked, sort, round, after],
    queryFn: ({ signal }) =>
      post<PageOfRows>(
        `${API}/studies`,
        { ...asked, sort, after, limit: PAGE } satisfies PageAsked,
        { signal },
      ),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
  });

export const countQuery = (asked: Asked, round: number) =>
  queryOptions({
    queryKey: ['studies', 'count', asked, round],
    queryFn: ({ signal }) => post<Count>(`${API}/studies/count`, asked, { signal }),
    placeholderData: keepPreviousData,
  });

export const facetsQuery = (round: number) =>
  queryOptions({
    queryKey: ['studies', 'facets', round],
    queryFn: ({ signal }) => post<Facets>(`${API}/studies/facets`, everything(), { signal }),
    placeholderData: keepPreviousData,
  });

export const lossesQuery = (asked: Asked) =>
  queryOptions({
    queryKey: ['studies', 'without', asked],
    queryFn: ({ signal }) => post<Loss[]>(`${API}/studies/without`, asked, { signal }),
  });

export const labelsQuery = queryOptions({
  queryKey: ['labels'],
  queryFn: ({ signal }) => get<string[]>('/tools/labels', { signal }),
});

export const identifiers = (asked: Asked) => post<string[]>(`${API}/studies/identifiers`, asked);
