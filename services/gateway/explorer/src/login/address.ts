// SPDX-License-Identifier: Apache-2.0
/** What the address of the log-in says. */
export interface LoginAddress {
  /** Where to go then. */
  next?: string;
  /** Signed out, of which not all of the store could be told. */
  untold?: '1';
  /** A session that was there is over. */
  ended?: '1';
}

export function readAddress(search: Record<string, unknown>): LoginAddress {
  const address: LoginAddress = {};
  if (typeof search.next === 'string') address.next = search.next;
  if (search.untold === '1') address.untold = '1';
  if (search.ended === '1') address.ended = '1';
  return address;
}
