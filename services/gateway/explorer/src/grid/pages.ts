// SPDX-License-Identifier: Apache-2.0
/** Rows of a list of any length by their index, of which a window of pages is kept. */
import {
  type QueryKey,
  type UseQueryOptions,
  useQueries,
  useQueryClient,
} from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useState } from 'react';

/** Rows of a page. */
export const PAGE = 100;
/** Pages on each side of what is in sight: 2,000 rows in all. */
const KEPT = 8;

export interface PageOf<Row> {
  rows: Row[];
  next: string | null;
}

export interface Pages<Row> {
  /** Rows that can be scrolled to now. */
  count: number;
  /** Whether these are all. */
  whole: boolean;
  rowAt: (index: number) => Row | undefined;
  setRange: (first: number, last: number) => void;
  error: unknown;
  retry: () => void;
}

/** `key` names the list; `page` asks for the page behind a cursor, and is the same with the key. */
export function usePages<Row, Page extends PageOf<Row>, Key extends QueryKey>(
  key: string,
  page: (after: string | null) => UseQueryOptions<Page, Error, Page, Key>,
): Pages<Row> {
  const queries = useQueryClient();
  const [place, setPlace] = useState({ key, first: 0, last: 0 });
  const [learnt, setLearnt] = useState<{ key: string; cursors: (string | null)[] }>({
    key,
    cursors: [null],
  });
  const cursors = useMemo(() => (learnt.key === key ? learnt.cursors : [null]), [learnt, key]);
  const here = place.key === key ? place : { key, first: 0, last: 0 };
  const last = Math.min(here.last, cursors.length - 1);
  const wanted = Array.from({ length: last - here.first + 1 }, (_, step) => here.first + step);
  const results = useQueries({ queries: wanted.map((at) => page(cursors[at] ?? null)) });

  const next = (results.at(-1)?.data as Page | undefined)?.next;
  useEffect(() => {
    if (next && last === cursors.length - 1) setLearnt({ key, cursors: [...cursors, next] });
  }, [next, last, cursors, key]);

  const read = useCallback(
    (at: number) => {
      const cursor = cursors[at];
      return cursor === undefined ? undefined : queries.getQueryData<Page>(page(cursor).queryKey);
    },
    [queries, page, cursors],
  );

  useEffect(() => {
    for (let at = 0; at < cursors.length; at += 1) {
      if (at < here.first - KEPT || at > here.last + KEPT) {
        queries.removeQueries({ queryKey: page(cursors[at] ?? null).queryKey, exact: true });
      }
    }
  }, [queries, page, cursors, here.first, here.last]);

  const lastLoaded = read(cursors.length - 1);
  const waiting = cursors.length > 1 ? 20 : 0;
  return {
    count: (cursors.length - 1) * PAGE + (lastLoaded?.rows.length ?? waiting),
    whole: lastLoaded !== undefined && lastLoaded.next === null,
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
