// SPDX-License-Identifier: Apache-2.0
/** The list that a study was opened from, through which its page goes on study by study. */
import type { Address } from './address';

let list: readonly string[] = [];
let first = 0;
let address: Address = {};
let last = '';

/** From now on the studies of this list, in its order, are beside each other; `at`: where in the
 * whole of it they begin. */
export function walkThrough(ids: readonly string[], where: Address, at = 0): void {
  list = ids;
  first = at;
  address = where;
}

/** This study is looked at now. */
export function lookAt(id: string): void {
  last = id;
}

/** The study of the list at an address that was looked at last, and where it was in the list. */
export function lookedAt(where: Address): { id: string; index: number } | undefined {
  const at = list.indexOf(last);
  const isThere = JSON.stringify(where) === JSON.stringify(address) && at >= 0;
  return isThere ? { id: last, index: first + at } : undefined;
}

/** Where the list is that a study was opened from; of one that was not, where all studies are. */
export function listAround(id: string): Address {
  return list.includes(id) ? address : {};
}

/** The study so many places further in the list; undefined where it ends, or has not this one. */
export function besideStudy(id: string, by: number): string | undefined {
  const at = list.indexOf(id);
  return at < 0 ? undefined : list[at + by];
}
