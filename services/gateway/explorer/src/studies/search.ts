// SPDX-License-Identifier: Apache-2.0
/** Explorer's search as the store answers it: pages of rows, how many, and under which labels. */
import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { get, post } from '../api/client';
import type { Asked, Sort } from './address';

export interface Row {
  id: string;
  patient: string;
  studyUid: string;
  patientName: string;
  patientId: string;
  birthDate: string;
  sex: string;
  date: string;
  time: string;
  modalities: string[];
  description: string;
  accession: string;
  series: number;
  instances: number;
  size: number;
  origins: string[];
  labels: string[];
  arriving: boolean;
  protected: boolean;
  lastUpdate: string;
}

/** A piece of the text as the store has understood it. */
export interface Term {
  kind: string;
  value: string;
  from?: string;
  to?: string;
  /** The whole text without this piece. */
  without: string;
}

export interface Count {
  value: number;
  exact: boolean;
}

export interface PageOfRows {
  rows: Row[];
  next: string | null;
  understood: Term[];
  count: Count | null;
}

export interface Facets {
  labels: { value: string; count: number }[] | null;
  modalities: { value: string; count: number }[] | null;
}

export interface Loss {
  kind: string;
  value: string;
  without: string;
  count: Count;
}

export const PAGE = 100;
const API = '/explorer/api';
export const EVERYTHING: Asked = { text: '', filters: {} };

export const pageQuery = (asked: Asked, sort: Sort, round: number, after: string | null) =>
  queryOptions({
    queryKey: ['studies', 'page', asked, sort, round, after],
    queryFn: ({ signal }) =>
      post<PageOfRows>(`${API}/studies`, { ...asked, sort, after, limit: PAGE }, { signal }),
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
    queryFn: ({ signal }) => post<Facets>(`${API}/studies/facets`, EVERYTHING, { signal }),
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
