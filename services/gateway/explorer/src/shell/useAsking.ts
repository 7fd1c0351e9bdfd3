// SPDX-License-Identifier: Apache-2.0
/** When the store is asked whether it is there; each answer renews the session of who is in one. */
import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useSyncExternalStore } from 'react';
import { ApiError } from '../api/client';
import { confirmAway, isUnreached, useReach } from '../api/reach';
import { sessionQuery } from '../api/session';
import { useLive } from '../live/live';
import { SILENCE } from '../live/source';
import { Pauses } from './pauses';

/** Milliseconds of doubt before the store is asked; one that passes is not worth a word. */
const PATIENCE = 1_000;
const ASKED_EVERY = 3_000;

/** Asks in doubt and until the store is back, and now and then while its stream is cut. */
export function useAsking(): void {
  const queries = useQueryClient();
  const reach = useReach();
  const { state } = useLive();
  const visible = useVisible();
  const pauses = useRef(new Pauses(ASKED_EVERY));

  const ask = useCallback(
    () => queries.fetchQuery({ ...sessionQuery, staleTime: 0, retry: false }),
    [queries],
  );

  const unreached = reach !== 'there';
  useEffect(() => {
    if (!unreached) return;
    let over = false;
    const look = () => {
      ask().catch((error: unknown) => {
        if (!over && error instanceof ApiError && isUnreached(error.status)) confirmAway();
      });
      timer = setTimeout(look, ASKED_EVERY);
    };
    let timer = setTimeout(look, PATIENCE);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [unreached, ask]);

  // A page that asks nothing else learns by its stream that the store may be away. A proxy may cut
  // streams alone, for ever: then it asks less and less often, or nobody would be signed out.
  const silent = state === 'paused' && !unreached && visible;
  useEffect(() => {
    if (!silent) return;
    const wait = () =>
      setTimeout(() => {
        pauses.current.asked(Date.now());
        ask().catch(() => null);
        timer = wait();
      }, pauses.current.left(Date.now()));
    let timer = wait();
    return () => clearTimeout(timer);
  }, [silent, ask]);

  // An absence explains that the stream was cut, and so does a stream that has been heard since.
  useEffect(() => {
    if (reach === 'away') pauses.current.forget();
    if (state !== 'open') return;
    const timer = setTimeout(() => pauses.current.forget(), SILENCE + 1_000);
    return () => clearTimeout(timer);
  }, [reach, state]);
}

function watchVisibility(listener: () => void): () => void {
  document.addEventListener('visibilitychange', listener);
  return () => document.removeEventListener('visibilitychange', listener);
}

const useVisible = () =>
  useSyncExternalStore(watchVisibility, () => document.visibilityState === 'visible');
