// SPDX-License-Identifier: Apache-2.0
/** The list that a study was opened from, through which its page goes on study by study. */
import type { Address } from './address';

let list: readonly string[] = [];
let address: Address = {};
let last = '';

/** From now on the studies of this list, in its order, are beside each other. */
export function walkThrough(ids: readonly string[], where: Address): void {
  list = ids;
  address = where;
}

/** This study is looked at now. */
export function lookAt(id: string): void {
  last = id;
}

/** The study of the list at an address that was looked at last. */
export function lookedAt(where: Address): string | undefined {
  const isThere = JSON.stringify(where) === JSON.stringify(address) && list.includes(last);
  return isThere ? last : undefined;
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
