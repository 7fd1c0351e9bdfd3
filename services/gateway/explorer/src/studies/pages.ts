// SPDX-License-Identifier: Apache-2.0
/** Rows of any search by their index, of which a window of pages is kept. */
import { useQueries, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useState } from 'react';
import type { Asked, Sort } from './address';
import { PAGE, type PageOfRows, pageQuery, type Row } from './search';

/** Pages on each side of what is in sight: 2,000 rows in all. */
const KEPT = 8;

export interface Search {
  asked: Asked;
  sort: Sort;
  /** Counted up to see what has arrived. */
  round: number;
}

export interface Pages {
  /** Rows that can be scrolled to now. */
  count: number;
  rowAt: (index: number) => Row | undefined;
  setRange: (first: number, last: number) => void;
  error: unknown;
  retry: () => void;
}

export function usePages({ asked, sort, round }: Search): Pages {
  const queries = useQueryClient();
  const key = JSON.stringify([asked, sort, round]);
  const [place, setPlace] = useState({ key, first: 0, last: 0 });
  const [learnt, setLearnt] = useState<{ key: string; cursors: (string | null)[] }>({
    key,
    cursors: [null],
  });
  const cursors = useMemo(() => (learnt.key === key ? learnt.cursors : [null]), [learnt, key]);
  const here = place.key === key ? place : { key, first: 0, last: 0 };
  const last = Math.min(here.last, cursors.length - 1);
  const wanted = Array.from({ length: last - here.first + 1 }, (_, step) => here.first + step);
  const results = useQueries({
    queries: wanted.map((page) => pageQuery(asked, sort, round, cursors[page] ?? null)),
  });

  const next = results.at(-1)?.data?.next;
  useEffect(() => {
    if (next && last === cursors.length - 1) setLearnt({ key, cursors: [...cursors, next] });
  }, [next, last, cursors, key]);

  const read = useCallback(
    (page: number) =>
      queries.getQueryData<PageOfRows>(
        pageQuery(asked, sort, round, cursors[page] ?? null).queryKey,
      ),
    [queries, asked, sort, round, cursors],
  );

  useEffect(() => {
    for (let page = 0; page < cursors.length; page += 1) {
      if (page < here.first - KEPT || page > here.last + KEPT) {
        const { queryKey } = pageQuery(asked, sort, round, cursors[page] ?? null);
        queries.removeQueries({ queryKey, exact: true });
      }
    }
  }, [queries, asked, sort, round, cursors, here.first, here.last]);

  const lastLoaded = read(cursors.length - 1);
  const waiting = cursors.length > 1 ? 20 : 0;
  return {
    count: (cursors.length - 1) * PAGE + (lastLoaded?.rows.length ?? waiting),
    rowAt: (index) => read(Math.floor(index / PAGE))?.rows[index % PAGE],
    setRange: useCallback(
      (from: number, to: number) =>
        setPlace((before) => {
          // A page further than what is in sight, so that scrolling does not wait.
          const first = Math.max(0, Math.floor((from - PAGE / 2) / PAGE));
          const end = Math.floor((to + PAGE / 2) / PAGE);
          return before.key === key && before.first === first && before.last === end
            ? before
            : { key, first, last: end };
        }),
      [key],
    ),
    error: results.find((result) => result.error)?.error ?? null,
    retry: () => {
      for (const result of results) if (result.error) void result.refetch();
    },
  };
}

/** Finds the rows that are left when some are hidden: `at` is where the hidden ones are, sorted. */
export function withoutHidden(index: number, at: readonly number[]): number {
  let found = index;
  for (const hidden of at) {
    if (hidden > found) break;
    found += 1;
  }
  return found;
}
