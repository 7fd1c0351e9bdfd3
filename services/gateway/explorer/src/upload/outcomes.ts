// SPDX-License-Identifier: Apache-2.0
/** What became of a file, from what the store has answered. */
import type { UploadedFile } from '../api/schema';
import type { Upload } from './transfers';

interface Stored {
  Status: string;
  ParentStudy: string;
}

export type Outcome = Pick<Upload, 'state' | 'why' | 'whyKey'> & {
  /** What is in the store now. */
  stored: Stored[];
};

/** Of a file that came alone, or of one among others: 200 says only that it was understood. */
export function outcomeOf(status: number, answer: unknown): Outcome {
  const nothing = { stored: [], why: '', whyKey: null };
  if (status === 200) {
    const all = (Array.isArray(answer) ? answer : [answer]) as (Stored | null)[];
    // Who answers otherwise is not the store: a proxy's form to log in, say.
    if (!all.every((one): one is Stored => typeof one?.Status === 'string'))
      return { ...nothing, state: 'failed', whyKey: 'noAnswer' };
    if (!all.length) return { ...nothing, state: 'notDicom', whyKey: 'noneInIt' };
    const stored = all.filter(({ Status }) => Status !== 'FilteredOut');
    if (!stored.length) return { ...nothing, state: 'refused', whyKey: 'filtered' };
    const state = stored.every(({ Status }) => Status === 'AlreadyStored') ? 'already' : 'stored';
    const whyKey = stored.length < all.length ? 'partlyFiltered' : null;
    return { stored, state, why: '', whyKey };
  }
  const told = (answer ?? {}) as { Details?: string; Message?: string; Stored?: Stored[] };
  const why = told.Details || told.Message || String(status);
  // A ZIP has what is stored of it even where another file in it is the reason of the failure.
  const stored = (told.Stored ?? []).filter(({ Status }) => Status !== 'FilteredOut');
  const failed = { ...nothing, why, stored };
  if (status === 401) return { ...failed, state: 'failed', whyKey: 'signedOut' };
  if (status === 507) return { ...failed, state: 'failed', whyKey: 'full' };
  // Too many at once, or too slow, passes.
  if (status >= 500 || status === 408 || status === 429) return { ...failed, state: 'failed' };
  if (stored.length) return { ...failed, state: 'partly' };
  if (status === 413) return { ...failed, state: 'refused', whyKey: 'tooLarge' };
  return { ...failed, state: status === 400 ? 'notDicom' : 'refused' };
}

/** What became of each of so many files that came together; null where they were not looked at. */
export function outcomesOf(status: number, answer: unknown, files: number): Outcome[] | null {
  if (status !== 200 || !Array.isArray(answer) || answer.length !== files) return null;
  return (answer as UploadedFile[]).map(({ status, stored, details }) =>
    outcomeOf(status, status === 200 ? stored : { Details: details, Stored: stored }),
  );
}

/** An answer's value; null where it is none of the store. */
export function readAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // a proxy's page, say
  }
}
