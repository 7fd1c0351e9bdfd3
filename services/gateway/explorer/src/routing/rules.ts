// SPDX-License-Identifier: Apache-2.0
/** Routing rules, and what they say of a study or of a file: the store decides, nothing is sent. */
import { queryOptions } from '@tanstack/react-query';
import { ApiError, get, MARK, post } from '../api/client';
import { heard } from '../api/reach';
import type { Condition_Output, KnownRule, KnownRules, TriedOnFile } from '../api/schema';

export type Condition = Condition_Output;
export type Rule = KnownRule['rule'];

export const rulesQuery = queryOptions({
  queryKey: ['rules'],
  queryFn: ({ signal }) => get<KnownRules>('/explorer/api/rules', { signal }),
});

/** A question of the simple kind, which has a line of its own in the form. */
export interface Question {
  /** `Origin`, `Label`, or an attribute by keyword or number. */
  of: string;
  is: string;
}

/** The questions of a rule; null where one of them is more than a line can hold. */
export function questionsOf(when: readonly Condition[]): Question[] | null {
  const questions = when.map((one): Question | null => {
    const values = one.Tag ? one.Is : (one.Origin ?? one.Label);
    if (!values || values.some((value) => value.includes(','))) return null;
    return { of: one.Tag ?? (one.Origin ? 'Origin' : 'Label'), is: values.join(', ') };
  });
  return questions.some((one) => one === null) ? null : (questions as Question[]);
}

export function conditionOf({ of, is }: Question): Condition {
  const values = wordsOf(is);
  if (of === 'Origin') return { Origin: values };
  if (of === 'Label') return { Label: values };
  return { Tag: of.trim(), Is: values };
}

export const wordsOf = (text: string): string[] =>
  text
    .split(/[,\n]/)
    .map((word) => word.trim())
    .filter(Boolean);

/** A condition in one line, as it is written. */
export function writtenOf(condition: unknown): string {
  const { Tag, Is, Origin, Label, ...more } = condition as Condition;
  if (Tag && Is) return `${Tag} = ${Is.join(', ')}`;
  if (Origin) return `Origin = ${Origin.join(', ')}`;
  if (Label) return `Label = ${Label.join(', ')}`;
  return JSON.stringify(Tag ? { Tag, ...more } : more);
}

/** What a rule says: it holds, or the first condition that does not. */
export interface Verdict {
  name: string;
  holds: boolean;
  unmet: unknown;
  /** What there is of what it asks, empty where nothing is; null where it asks several. */
  found: string | null;
}

interface DryRun {
  Resources: { ID: string; Unmet: unknown; Found: string | null }[];
}

export async function tryOnStudy(names: string[], study: string): Promise<Verdict[]> {
  return Promise.all(
    names.map(async (name) => {
      const { Resources } = await post<DryRun>(`/routing/rules/${name}/dry-run`, {
        Resource: study,
      });
      const holds = Resources.some(({ Unmet }) => Unmet === null);
      const { Unmet = null, Found = null } = (!holds && Resources[0]) || {};
      return { name, holds, unmet: Unmet, found: Found };
    }),
  );
}

export async function tryOnFile(file: File, origin: string): Promise<Verdict[]> {
  const path = `/explorer/api/rules/try?origin=${encodeURIComponent(origin)}`;
  const answer = await fetch(path, { method: 'POST', headers: MARK, body: file }).catch(() => null);
  heard(answer?.status ?? 0);
  if (!answer) throw new ApiError('POST', path, 0, {});
  if (!answer.ok) {
    throw new ApiError('POST', path, answer.status, await answer.json().catch(() => ({})));
  }
  const told = (await answer.json()) as TriedOnFile[];
  return told.map(({ name, unmet, found }) => ({ name, holds: unmet === null, unmet, found }));
}
