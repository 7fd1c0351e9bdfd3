// SPDX-License-Identifier: Apache-2.0
/** Who asks, and what this store lets them do: asked once, again after a log-in. */
import { queryOptions, useQuery } from '@tanstack/react-query';
import { ApiError, get, post } from './client';
import type { SessionState } from './schema';

export type Session = SessionState;

export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: ({ signal }) => get<Session>('/explorer/api/session', { signal }),
  staleTime: Number.POSITIVE_INFINITY,
  retry: (failures, error) =>
    failures < 5 && !(error instanceof ApiError && error.status < 500 && error.status > 0),
});

export function useSession(): Session | undefined {
  return useQuery(sessionQuery).data;
}

/** Whether the store offers an action; what it does not offer is absent from the page. */
export function useMay(): (action: string) => boolean {
  const actions = useSession()?.actions;
  return (action) => actions?.includes(action) ?? false;
}

export function useHas(): (feature: string) => boolean {
  const features = useSession()?.features;
  return (feature) => features?.includes(feature) ?? false;
}

export const login = (user: string, password: string) =>
  post<Session>('/explorer/api/login', { user, password });

export const logout = () => post<Record<string, never>>('/explorer/api/logout');
