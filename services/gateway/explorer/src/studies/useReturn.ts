// SPDX-License-Identifier: Apache-2.0
import { useCallback, useEffect, useState } from 'react';
import { PAGE } from '../grid/pages';
import type { Address } from './address';
import type { Row } from './search';
import { lookedAt } from './walk';

/** So far down a list a study is looked for: each page of it is a request. */
const MOST = 2_000;

interface Return {
  /** Where the study is in the list; -1 for none, and while it is not found. */
  index: number;
  /** What of the list has to be loaded while the study is looked for, and these rows are in sight. */
  reach: (first: number, last: number) => [number, number];
}

/**
 * Finds the study from which one comes back in its list, page by page from the beginning, and calls
 * `arrive` with its index, once. `count` rows are known, all of them where the list is `whole`.
 */
export function useReturn(
  address: Address,
  { count, whole }: { count: number; whole: boolean },
  rowAt: (index: number) => Row | undefined,
  arrive: (index: number) => void,
): Return {
  const [sought, setSought] = useState(() => {
    const last = lookedAt(address);
    return last && last.index < MOST ? last : undefined;
  });
  const [index, setIndex] = useState(-1);
  // A page further: what has arrived since is above it.
  const end = sought ? Math.min(sought.index + PAGE, MOST) : 0;
  useEffect(() => {
    if (!sought) return;
    for (let at = 0; at < (whole ? Math.min(count, end) : end); at += 1) {
      const row = rowAt(at);
      if (!row) return; // not loaded yet
      if (row.id !== sought.id) continue;
      setIndex(at);
      arrive(at);
      break;
    }
    setSought(undefined);
  });
  return {
    index,
    reach: useCallback((first, last) => (end ? [0, Math.max(last, end)] : [first, last]), [end]),
  };
}
