// SPDX-License-Identifier: Apache-2.0
/** Retention rules, and which studies each would let go: the store judges, nothing goes by it. */
import { queryOptions } from '@tanstack/react-query';
import { get, post } from '../api/client';
import type { KnownRetentionRule } from '../api/schema';

export const retentionQuery = queryOptions({
  queryKey: ['retention'],
  queryFn: ({ signal }) => get<KnownRetentionRule[]>('/explorer/api/retention', { signal }),
});

export interface Judged {
  ID: string;
  Rule: string;
  Goes: boolean;
  /** Why it stays; empty where it would go. */
  Kept: string;
}

interface DryRun {
  Studies: Judged[];
  Done: boolean;
  Last: number;
}

/** Studies that are shown; looks at a page of studies until so many are found. */
const SHOWN = 50;
const PAGE = 1000;

export interface Preview {
  studies: Judged[];
  /** Whether there may be more. */
  more: boolean;
}

/** Asks page after page, of a large store for a while; `signal` ends it with the page that shows it. */
export async function previewOf(rule: string, signal: AbortSignal): Promise<Preview> {
  const studies: Judged[] = [];
  for (let since = 0; ; ) {
    const asked = { Rules: [rule], Since: since, Limit: PAGE };
    const { Studies, Done, Last } = await post<DryRun>('/retention/dry-run', asked, { signal });
    studies.push(...Studies);
    if (Done || studies.length > SHOWN)
      return { studies: studies.slice(0, SHOWN), more: !Done || studies.length > SHOWN };
    since = Last;
  }
}
