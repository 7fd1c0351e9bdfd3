// SPDX-License-Identifier: Apache-2.0
/** Rows of any search by their index, of which a window of pages is kept. */
import { useCallback } from 'react';
import { type Pages, usePages as usePagesOf } from '../grid/pages';
import type { Asked, Sort } from './address';
import { pageQuery, type Row } from './search';

export interface Search {
  asked: Asked;
  sort: Sort;
  /** Counted up to see what has arrived. */
  round: number;
}

export function usePages({ asked, sort, round }: Search): Pages<Row> {
  return usePagesOf(
    JSON.stringify([asked, sort, round]),
    useCallback(
      (after: string | null) => pageQuery(asked, sort, round, after),
      [asked, sort, round],
    ),
  );
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
