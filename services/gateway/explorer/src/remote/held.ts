// SPDX-License-Identifier: Apache-2.0
/** What the store itself has of the studies that others tell of. */
import { queryOptions } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';
import { post } from '../api/client';
import { queries } from '../api/queries';
import type { HeldStudy, StudiesTold } from '../api/schema';
import { type Answer, keyOf, numberOf, type Row, textOf } from './merging';

/** As many studies as the store looks for in one request. */
const AT_A_TIME = 1000;

type Told = Pick<Row, 'key' | 'studyUid' | 'patientId'>;

export interface HeldStudies {
  /** Undefined: not known yet; null: nothing of it is here. */
  of: (key: string) => HeldStudy | null | undefined;
  /** Look again, as after a retrieval. */
  look: (rows: readonly Told[]) => Promise<void>;
  error: unknown;
  retry: () => void;
}

export function useHeld(rows: readonly Row[]): HeldStudies {
  const [known, setKnown] = useState<ReadonlyMap<string, HeldStudy | null>>(new Map());
  const [error, setError] = useState<unknown>(null);
  const asked = useRef(new Set<string>());

  const look = useCallback(async (told: readonly Told[]) => {
    for (let at = 0; at < told.length; at += AT_A_TIME) {
      const some = told.slice(at, at + AT_A_TIME);
      const studies = some.map(({ studyUid, patientId }) => ({ studyUid, patientId }));
      const found = await queries.fetchQuery({
        queryKey: ['held', studies],
        queryFn: () =>
          post<HeldStudy[]>('/explorer/api/studies/held', { studies } satisfies StudiesTold),
        staleTime: 0,
        gcTime: 0,
      });
      const here = new Map(
        found.map((one) => [keyOf(one.studyUid, one.askedPatientId), one] as const),
      );
      setKnown((before) => {
        const after = new Map(before);
        for (const { key } of some) after.set(key, here.get(key) ?? null);
        return after;
      });
    }
  }, []);

  const lookForNew = useCallback(() => {
    const fresh = rows.filter(({ key }) => !asked.current.has(key));
    if (!fresh.length) return;
    for (const { key } of fresh) asked.current.add(key);
    setError(null);
    look(fresh).catch((failure: unknown) => {
      for (const { key } of fresh) asked.current.delete(key);
      setError(failure);
    });
  }, [rows, look]);
  useEffect(lookForNew, [lookForNew]);

  return { of: (key) => known.get(key), look, error, retry: lookForNew };
}

/** Images of each series of a study that is here, by SeriesInstanceUID. */
export const heldSeriesQuery = (study: string) =>
  queryOptions({
    queryKey: ['remote', 'held series', study],
    queryFn: async ({ signal }) => {
      const found = await post<{ MainDicomTags: Answer; RequestedTags: Answer }[]>(
        '/tools/find',
        {
          Level: 'Series',
          Query: {},
          ParentStudy: study,
          RequestedTags: ['NumberOfSeriesRelatedInstances'],
          ResponseContent: ['MainDicomTags', 'RequestedTags'],
        },
        { signal },
      );
      return new Map(
        found.map(({ MainDicomTags: tags, RequestedTags: counted }) => [
          textOf(tags, 'SeriesInstanceUID'),
          numberOf(counted, 'NumberOfSeriesRelatedInstances') ?? 0,
        ]),
      );
    },
    staleTime: 0,
  });
