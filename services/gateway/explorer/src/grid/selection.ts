// SPDX-License-Identifier: Apache-2.0
/** Which rows of a list are chosen; they stay so wherever the list is scrolled to. */
import { useMemo, useState } from 'react';

export interface Selection<Row> {
  ids: ReadonlySet<string>;
  /** Those of the chosen ones that were on the page when they were chosen. */
  rows: Row[];
  toggle: (index: number, extend?: boolean) => void;
  /** From where the last choice was made to this row. */
  extendTo: (index: number) => void;
  /** All of the first rows that are loaded, or none where these are chosen already. */
  toggleAll: (count: number) => void;
  /** Does nothing once another list is looked at: they were asked for in this one. */
  chooseIds: (ids: readonly string[]) => void;
  clear: () => void;
}

interface Chosen<Row> {
  list: string;
  rows: ReadonlyMap<string, Row | null>;
  /** Index of the last choice. */
  anchor: number;
}

const NONE: ReadonlySet<string> = new Set();
const nothingOf = <Row>(list: string): Chosen<Row> => ({ list, rows: new Map(), anchor: 0 });

/**
 * `list` names what is looked at: of another one nothing is chosen. `rowAt` gives its rows, and not
 * those of another one that are still shown. What is in `gone` is chosen no more.
 */
export function useSelection<Row extends { id: string }>(
  list: string,
  rowAt: (index: number) => Row | undefined,
  gone: ReadonlySet<string> = NONE,
): Selection<Row> {
  const [kept, setKept] = useState<Chosen<Row>>(() => nothingOf(list));
  if (kept.list !== list) setKept(nothingOf(list));
  const chosen = kept.rows;
  if (kept.list === list && [...gone].some((id) => chosen.has(id)))
    setKept({ ...kept, rows: new Map([...chosen].filter(([id]) => !gone.has(id))) });

  const change = (to: (before: Chosen<Row>) => Partial<Chosen<Row>>) =>
    setKept((before) => (before.list === list ? { ...before, ...to(before) } : before));
  const between = (from: number, to: number) => {
    const found: Row[] = [];
    for (let at = Math.min(from, to); at <= Math.max(from, to); at += 1) {
      const row = rowAt(at);
      if (row && !gone.has(row.id)) found.push(row);
    }
    return found;
  };
  const add = (more: readonly Row[]) =>
    change(({ rows }) => ({
      rows: new Map([...rows, ...more.map((row) => [row.id, row] as const)]),
    }));
  const extendTo = (index: number) => add(between(kept.anchor, index));
  const clear = () => change(() => ({ rows: new Map() }));
  return {
    ids: useMemo(() => new Set(chosen.keys()), [chosen]),
    rows: useMemo(() => [...chosen.values()].filter((row) => row !== null), [chosen]),
    toggle: (index, extend = false) => {
      const row = rowAt(index);
      if (extend) extendTo(index);
      else if (row && !gone.has(row.id))
        change(({ rows }) => {
          const after = new Map(rows);
          if (!after.delete(row.id)) after.set(row.id, row);
          return { rows: after, anchor: index };
        });
    },
    extendTo,
    toggleAll: (count) => {
      const all = between(0, count - 1);
      if (all.length > 0 && all.every(({ id }) => chosen.has(id))) clear();
      else add(all);
    },
    chooseIds: (ids) =>
      change(({ rows }) => ({ rows: new Map(ids.map((id) => [id, rows.get(id) ?? null])) })),
    clear,
  };
}
