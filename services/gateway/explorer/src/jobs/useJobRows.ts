// SPDX-License-Identifier: Apache-2.0
/**
 * Jobs by their place in a list. Those in sight are kept as they are now, where they are: nothing
 * moves under the pointer. What the list would be by now is told, and shown when that is wanted.
 */
import { useQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useState } from 'react';
import type { JobNews, JobRow, JobsPage } from '../api/schema';
import { type Pages, usePages } from '../grid/pages';
import { useLive } from '../live/live';
import { type Asked, NEWEST } from './address';
import { jobsQuery, rowsQuery } from './queries';
import { useTick } from './useTick';

/** Rows that are asked for again with each change. */
const MOST_FRESH = 200;

const narrows = ({ text, destination }: Asked) => Boolean(text || destination);

/** What can be said of the list without asking for it: whether its rows and counts are those. */
const signOf = (news: JobNews | null, asked: Asked) =>
  news &&
  JSON.stringify([
    news.newest,
    narrows(asked) ? news.states : asked.states?.map((one) => news.states[one] ?? 0),
  ]);

export interface JobRows {
  count: number;
  rowAt: (index: number) => JobRow | undefined;
  inSight: (first: number, last: number) => void;
  /** The list as a whole. */
  page: JobsPage | undefined;
  /** How many there are in each state. */
  states: Record<string, number>;
  /** It would have other rows by now. */
  changed: boolean;
  refresh: () => void;
  busy: boolean;
  /** The rows are of what is asked for, in its order; those of before stay until the first come. */
  settled: boolean;
  error: unknown;
  retry: () => void;
  tick: number;
}

/** `still`: rows stay as they are, since something is done with them. */
export function useJobRows(asked: Asked, sort: string, still: boolean): JobRows {
  const { jobs: news } = useLive();
  const tick = useTick(news);
  // What an earlier visit has read is not what there is now.
  const [round, setRound] = useState(Date.now);
  const [sight, setSight] = useState({ first: 0, last: 0 });
  const wanted = useMemo(() => ({ asked, sort, round }), [asked, sort, round]);
  const first = useQuery(jobsQuery(asked, sort, round, null));
  const [shown, setShown] = useState(wanted);
  const [seen, setSeen] = useState<string | null>(null);
  const sign = signOf(news, asked);
  // What another list was called says nothing of this one, which is being read.
  const [signed, setSigned] = useState(asked);
  if (signed !== asked) {
    setSigned(asked);
    setSeen(sign);
  }
  if (first.data && shown !== wanted) {
    setShown(wanted);
    setSeen(null);
  }
  // What is told first after the list was read is taken for what it shows.
  if (first.data && shown === wanted && seen === null && sign !== null) setSeen(sign);

  const pages: Pages<JobRow> = usePages(
    JSON.stringify(shown),
    useCallback(
      (after: string | null) => jobsQuery(shown.asked, shown.sort, shown.round, after),
      [shown],
    ),
  );
  const ids: string[] = [];
  for (let at = sight.first; at <= sight.last && ids.length < MOST_FRESH; at += 1) {
    const row = pages.rowAt(at);
    if (row) ids.push(row.id);
  }
  const fresh = useQuery({ ...rowsQuery(ids, tick), enabled: tick > 1 && ids.length > 0 });
  const refresh = useCallback(() => setRound((before) => before + 1), []);
  const changed = seen !== null && sign !== null && seen !== sign;
  // Only a list whose newest rows are in sight takes new ones in by itself.
  const follows =
    shown.sort === NEWEST && !shown.asked.states?.length && sight.first === 0 && !still;
  useEffect(() => {
    if (changed && follows && tick) refresh();
  }, [changed, follows, tick, refresh]);
  const { setRange } = pages;
  return {
    count: pages.count,
    rowAt: (index) => {
      const row = pages.rowAt(index);
      if (!row || !fresh.data?.asked.has(row.id)) return row;
      // One that is gone stays in its place, and nothing can be done with it.
      return fresh.data.rows.get(row.id) ?? { ...row, actions: [] };
    },
    inSight: useCallback(
      (from: number, to: number) => {
        setSight((before) =>
          before.first === from && before.last === to ? before : { first: from, last: to },
        );
        setRange(from, to);
      },
      [setRange],
    ),
    page: first.data,
    states: (!narrows(asked) && news?.states) || (first.data?.states ?? {}),
    changed: changed && !follows,
    refresh,
    busy: shown !== wanted,
    settled: shown.asked === asked && shown.sort === sort,
    error: first.data ? pages.error : first.error,
    retry: () => (first.data ? pages.retry() : void first.refetch()),
    tick,
  };
}
