// SPDX-License-Identifier: Apache-2.0
/** What was received and could not be indexed, as the store tells it. */
import { queryOptions } from '@tanstack/react-query';
import { ApiError, del, get, post } from '../api/client';

/** As many as one request tells. */
export const MOST = 1000;
/** Requests under way at a time. */
const AT_ONCE = 4;

export interface Letter {
  ID: number;
  Reason: string;
  /** `YYYYMMDDTHHMMSS`, in UTC. */
  Since: string;
  LastRetry: string | null;
  Object: string | null;
  Instances: { SOPInstanceUID: string; StudyInstanceUID: string }[];
}

export interface Retried {
  Indexed: number[];
  Failed: Record<string, string>;
}

export const lettersQuery = queryOptions({
  queryKey: ['letters'],
  queryFn: ({ signal }) => get<Letter[]>(`/tools/dead-letters?limit=${MOST}`, { signal }),
  refetchInterval: 15_000,
});

export const retryOne = (number: number) => post<Retried>(`/tools/dead-letters/${number}/retry`);
export const retryAll = () => post<Retried>('/tools/dead-letters/retry');

/** Let them be: they are not told of any more. One that is gone already is no mistake. */
export async function drop(numbers: readonly number[]): Promise<void> {
  const left = [...numbers];
  const work = async () => {
    for (let number = left.shift(); number !== undefined; number = left.shift())
      await del(`/tools/dead-letters/${number}`).catch((error: unknown) => {
        if (!(error instanceof ApiError && error.status === 404)) throw error;
      });
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}
