// SPDX-License-Identifier: Apache-2.0
/** Which rows are chosen; they stay so wherever the list is scrolled to. */
import { useCallback, useMemo, useRef, useState } from 'react';

export interface Selection<Row> {
  ids: ReadonlySet<string>;
  /** Those of the chosen ones that were on the page when they were chosen. */
  rows: Row[];
  toggle: (index: number, extend?: boolean) => void;
  /** From where the last choice was made to this row. */
  extendTo: (index: number) => void;
  choose: (rows: readonly Row[]) => void;
  chooseIds: (ids: readonly string[]) => void;
  clear: () => void;
}

export function useSelection<Row extends { id: string }>(
  rowAt: (index: number) => Row | undefined,
): Selection<Row> {
  const [chosen, setChosen] = useState<ReadonlyMap<string, Row | null>>(() => new Map());
  const anchor = useRef(0);

  const between = (from: number, to: number) => {
    const found: Row[] = [];
    for (let at = Math.min(from, to); at <= Math.max(from, to); at += 1) {
      const row = rowAt(at);
      if (row) found.push(row);
    }
    return found;
  };
  const add = (rows: readonly Row[]) =>
    setChosen((before) => {
      const after = new Map(before);
      for (const row of rows) after.set(row.id, row);
      return after;
    });
  return {
    ids: useMemo(() => new Set(chosen.keys()), [chosen]),
    rows: useMemo(() => [...chosen.values()].filter((row) => row !== null), [chosen]),
    toggle: (index, extend = false) => {
      if (extend) {
        add(between(anchor.current, index));
        return;
      }
      anchor.current = index;
      const row = rowAt(index);
      if (!row) return;
      setChosen((before) => {
        const after = new Map(before);
        if (!after.delete(row.id)) after.set(row.id, row);
        return after;
      });
    },
    extendTo: (index) => add(between(anchor.current, index)),
    choose: add,
    chooseIds: useCallback((ids: readonly string[]) => {
      setChosen((before) => new Map(ids.map((id) => [id, before.get(id) ?? null])));
    }, []),
    clear: useCallback(() => setChosen(new Map()), []),
  };
}
