// SPDX-License-Identifier: Apache-2.0
/** Modalities and peers as the store knows them, and whether they answer. */
import { queryOptions, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { ApiError, get, post } from '../api/client';
import type { KnownModality, KnownRemotes } from '../api/schema';
import type { Contact } from './contacts';

export type ModalityValues = KnownModality['modality'];

export const remotesQuery = queryOptions({
  queryKey: ['remotes'],
  queryFn: ({ signal }) => get<KnownRemotes>('/explorer/api/remotes', { signal }),
});

/** Everything on the page that names modalities or peers asks again. */
export function useChanged(): () => Promise<void> {
  const queries = useQueryClient();
  return async () => {
    void queries.invalidateQueries({ queryKey: ['destinations'] });
    await queries.invalidateQueries({ queryKey: remotesQuery.queryKey });
  };
}

/** What a modality may ask of this store, in the order in which it is told. */
export const PERMISSIONS = [
  'AllowEcho',
  'AllowStore',
  'AllowFind',
  'AllowMove',
  'AllowGet',
  'AllowFindWorklist',
  'AllowNAction',
  'AllowEventReport',
] as const;

export type Permission = (typeof PERMISSIONS)[number];

/** What is told of the permissions: all, none, all but a few, or these. */
export function permissionsOf(
  modality: ModalityValues,
): ['everything' | 'nothing'] | ['allBut' | 'only', Permission[]] {
  const refused = PERMISSIONS.filter((one) => modality[one] === false);
  if (refused.length === 0) return ['everything'];
  if (refused.length === PERMISSIONS.length) return ['nothing'];
  if (refused.length <= 3) return ['allBut', refused];
  return ['only', PERMISSIONS.filter((one) => modality[one] !== false)];
}

/** `before`: the contact that was the last one when it was asked. */
export type Answer =
  | 'asking'
  | { told: string; milliseconds: number; before: Contact }
  | { error: unknown; before: Contact };

/** Whether a contact since then says something else than the answer, or more of why there was none. */
export function isOutdated(answer: Exclude<Answer, 'asking'>, contact: Contact): boolean {
  if (!contact || contact.at === answer.before?.at) return false;
  return 'error' in answer || contact.outcome !== 'well';
}

/** Whether it was asked at all: other failures are of this page, or of the store. */
export const wasAsked = (error: unknown): boolean =>
  error instanceof ApiError && error.status === 500;

const AT_ONCE = 4;

/** Asks whether they are there, some at a time, and keeps what each has answered. */
export function useEcho(
  ask: ((name: string) => Promise<string>) | null,
  lastContact: (name: string) => Contact,
) {
  const [answers, setAnswers] = useState<Record<string, Answer>>({});
  const asked = useRef(new Set<string>()).current;
  const echo = async (name: string) => {
    if (!ask || asked.has(name)) return;
    asked.add(name);
    const keep = (answer: Answer) =>
      asked.has(name) && setAnswers((others) => ({ ...others, [name]: answer }));
    const before = lastContact(name);
    keep('asking');
    const began = performance.now();
    try {
      const told = await ask(name);
      keep({ told, milliseconds: Math.round(performance.now() - began), before });
    } catch (error) {
      keep({ error, before });
    }
    asked.delete(name);
  };
  const all = async (names: string[]) => {
    const left = [...names];
    const work = async () => {
      for (let name = left.shift(); name !== undefined; name = left.shift()) await echo(name);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  };
  const forget = (name: string) => {
    asked.delete(name);
    setAnswers(({ [name]: _, ...others }) => others);
  };
  return { answers, echo, all, forget };
}

export async function echoModality(name: string): Promise<string> {
  await post(`/modalities/${name}/echo`);
  return '';
}

/** What a peer says of itself. */
export async function echoPeer(name: string): Promise<string> {
  const told = await get<{ Name?: string; Version?: string }>(`/peers/${name}/system`);
  return [told.Name, told.Version].filter(Boolean).join(' ');
}
