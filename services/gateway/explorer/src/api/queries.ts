// SPDX-License-Identifier: Apache-2.0
/** The one cache of what the store has answered. */
import { QueryClient } from '@tanstack/react-query';
import { ApiError } from './client';

/** Whether the same request may succeed a moment later. */
export function isPassing(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status >= 500);
}

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      // A store that restarts is back within seconds; what it refuses it refuses again.
      retry: (failures, error) => failures < 6 && isPassing(error),
      retryDelay: (failures) => Math.min(500 * 2 ** failures, 8_000),
      refetchOnWindowFocus: false,
      networkMode: 'always',
    },
    mutations: { networkMode: 'always' },
  },
});
