// SPDX-License-Identifier: Apache-2.0
/** Lists of identifiers: pasted from a table, asked for, told in short. */

import { type Address, LIST_FILTERS, type ListFilter } from './address';
import type { Term } from './search';

const BETWEEN = /[,;\t\r\n]+/;
const UID = /^\d+(\.\d+){3,}$/;
const TOLD = 3;

/** What commas, semicolons, tabs and ends of lines separate. */
export const identifiersOf = (text: string) =>
  text
    .split(BETWEEN)
    .map((one) => one.trim())
    .filter(Boolean);

/** The cells of a column or row that are pasted; null of a text in one line. */
export function cellsOf(pasted: string): string[] | null {
  const cells = identifiersOf(pasted);
  return /[\t\r\n]/.test(pasted.trim()) && cells.length > 1 ? cells : null;
}

/**
 * Cells that look like identifiers as one term of a search, behind the text `before` it, which may
 * say already what they are; null of others, such as names.
 */
export function termOf(cells: readonly string[], before: string): string | null {
  if (!cells.every((cell) => /^[^\s"]*\d[^\s"]*$/.test(cell))) return null;
  const said = /(^|[\s,;])(id|acc|accession|uid):$/i.test(before);
  const kind = said ? '' : cells.every((cell) => UID.test(cell)) ? 'uid:' : 'id:';
  return kind + cells.join(',');
}

export interface IdentifierList {
  filter: ListFilter;
  identifiers: string[];
}

/** The lists that are asked for, each identifier once. */
export function listsIn(address: Address, understood: readonly Term[]): IdentifierList[] {
  return [
    ...understood.flatMap(({ kind, value }) => {
      const filter = (LIST_FILTERS as Record<string, ListFilter | undefined>)[kind];
      return filter ? [{ filter, text: value }] : [];
    }),
    ...Object.values(LIST_FILTERS).map((filter) => ({ filter, text: address[filter] ?? '' })),
  ]
    .map(({ filter, text }) => ({ filter, identifiers: [...new Set(identifiersOf(text))] }))
    .filter(({ identifiers }) => identifiers.length > 1);
}

/** The first of a list, and how many there are more. */
export function shortened(text: string): { few: string; more: number } {
  const all = identifiersOf(text);
  if (all.length < 2) return { few: text, more: 0 };
  const few = all.length > TOLD ? all.slice(0, TOLD - 1) : all;
  return { few: few.join(', '), more: all.length - few.length };
}
