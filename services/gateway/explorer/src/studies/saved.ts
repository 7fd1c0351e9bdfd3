// SPDX-License-Identifier: Apache-2.0
/** Searches that are saved in the store by name: of who asks, or of all where the store has no users. */
import { queryOptions } from '@tanstack/react-query';
import { del, get, post, putJson } from '../api/client';
import type { SavedView, ViewAsked } from '../api/schema';
import { readQuery, writeQuery } from '../query';
import { type Address, readAddress } from './address';

export type View = SavedView;

const VIEWS = '/explorer/api/views';

export const viewsQuery = queryOptions({
  queryKey: ['views'],
  queryFn: ({ signal }) => get<View[]>(VIEWS, { signal }),
  staleTime: 60_000,
});

/** Without the `?`. */
export const searchOf = (address: Address): string => writeQuery(address).replace(/^\?/, '');

export const addressOf = (view: Pick<View, 'search'>): Address =>
  readAddress(readQuery(`?${view.search}`));

export const save = (name: string, address: Address) =>
  post<View>(VIEWS, { name, search: searchOf(address) } satisfies ViewAsked);

export const rename = ({ id, search }: View, name: string) =>
  putJson(`${VIEWS}/${id}`, { name, search } satisfies ViewAsked);

export const forget = ({ id }: View) => del(`${VIEWS}/${id}`);

export const linkOf = ({ search }: View) =>
  `${location.origin}/explorer/${search ? `?${search}` : ''}`;
