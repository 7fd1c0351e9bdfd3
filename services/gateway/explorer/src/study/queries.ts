// SPDX-License-Identifier: Apache-2.0
/** What the pages of a study and of its pictures ask of the store. */
import { queryOptions } from '@tanstack/react-query';
import { get } from '../api/client';
import type { Order } from '../view/loader';

type Tags = Partial<Record<string, string>>;

export interface StudyAnswer {
  ID: string;
  IsStable: boolean;
  LastUpdate: string;
  Labels: string[];
  MainDicomTags: Tags;
  PatientMainDicomTags: Tags;
  ParentPatient: string;
  Series: string[];
}

export interface SeriesAnswer {
  ID: string;
  MainDicomTags: Tags;
  ParentStudy: string;
  Instances: string[];
  IsStable: boolean;
  Status: string;
}

export interface InstanceAnswer {
  ID: string;
  MainDicomTags: Tags;
  ParentSeries: string;
  FileSize: number;
}

export interface ShownTag {
  tag: string;
  path: string;
  vr: string;
  name: string;
  keyword: string;
  creator?: string;
  value?: string | null;
  meaning?: string;
  bytes?: number;
  length?: number;
  cut: boolean;
  count?: number | null;
  items?: ShownTag[][];
}

export interface TagTree {
  meta: ShownTag[];
  tags: ShownTag[];
  more: boolean;
}

export interface Statistics {
  CountInstances?: number;
  CountSeries?: number;
  DicomDiskSize: string;
  DiskSizeMB: number;
}

export interface Change {
  Seq: number;
  Date: string;
  ChangeType: string;
  ID: string;
  ResourceType: string;
}

const byNumber = (one: SeriesAnswer) =>
  Number.parseInt(one.MainDicomTags.SeriesNumber ?? '', 10) || Number.MAX_SAFE_INTEGER;

export const studyQuery = (id: string) =>
  queryOptions({
    queryKey: ['study', id],
    queryFn: ({ signal }) => get<StudyAnswer>(`/studies/${id}`, { signal }),
  });

export const seriesOfStudyQuery = (id: string) =>
  queryOptions({
    queryKey: ['study', id, 'series'],
    queryFn: async ({ signal }) => {
      const series = await get<SeriesAnswer[]>(`/studies/${id}/series`, { signal });
      return series.sort((a, b) => byNumber(a) - byNumber(b));
    },
  });

export const statisticsQuery = (id: string) =>
  queryOptions({
    queryKey: ['study', id, 'statistics'],
    queryFn: ({ signal }) => get<Statistics>(`/studies/${id}/statistics`, { signal }),
  });

export const protectedQuery = (patient: string) =>
  queryOptions({
    queryKey: ['protected', patient],
    queryFn: async ({ signal }) =>
      (await get<number>(`/patients/${patient}/protected`, { signal })) === 1,
  });

export const seriesQuery = (id: string) =>
  queryOptions({
    queryKey: ['series', id],
    queryFn: ({ signal }) => get<SeriesAnswer>(`/series/${id}`, { signal }),
  });

export const instanceQuery = (id: string) =>
  queryOptions({
    queryKey: ['instance', id],
    queryFn: ({ signal }) => get<InstanceAnswer>(`/instances/${id}`, { signal }),
  });

export const orderQuery = (series: string) =>
  queryOptions({
    queryKey: ['series', series, 'order'],
    queryFn: ({ signal }) => get<Order>(`/series/${series}/frame-order`, { signal }),
  });

export const tagsQuery = (instance: string, longest = 512) =>
  queryOptions({
    queryKey: ['tags', instance, longest],
    queryFn: ({ signal }) =>
      get<TagTree>(`/explorer/api/instances/${instance}/tags?longest=${longest}`, { signal }),
    staleTime: 60_000,
  });

/** As long as a report may be. */
export const WHOLE = 1 << 20;

export type Level = 'studies' | 'series' | 'instances';

export const metadataQuery = (level: Level, id: string) =>
  queryOptions({
    queryKey: ['metadata', level, id],
    queryFn: ({ signal }) => get<Tags>(`/${level}/${id}/metadata?expand`, { signal }),
  });

export const attachmentsQuery = (level: Level, id: string) =>
  queryOptions({
    queryKey: ['attachments', level, id],
    queryFn: ({ signal }) =>
      get<Record<string, number>>(`/${level}/${id}/attachments?full`, { signal }),
  });
