// SPDX-License-Identifier: Apache-2.0
/** What the store tells while the list is open. Rows never move by themselves: this counts. */

import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';
import { sessionQuery } from '../api/session';

export interface Arrivals {
  /** New studies since the list was asked for. */
  count: number;
  /** The stream is cut, and the browser tries to get it back. */
  paused: boolean;
  reset: () => void;
}

interface Change {
  ID: string;
}

/** Of the changes only these, so that a busy store sends little. */
const TYPE = 'NewStudy';
const UPDATES_EVERY = 250;

export function useArrivals(): Arrivals {
  const queries = useQueryClient();
  const fresh = useRef(new Set<string>());
  const [count, setCount] = useState(0);
  const [paused, setPaused] = useState(false);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stream: EventSource | undefined;
    const listen = () => {
      if (document.hidden || stream) return;
      stream = new EventSource(`/changes/stream?last=true&type=${TYPE}`);
      stream.onopen = () => setPaused(false);
      stream.onmessage = ({ data }: MessageEvent<string>) => {
        fresh.current.add((JSON.parse(data) as Change).ID);
        timer ??= setTimeout(() => {
          timer = undefined;
          setCount(fresh.current.size);
        }, UPDATES_EVERY);
      };
      stream.onerror = () => {
        setPaused(true);
        if (stream?.readyState !== EventSource.CLOSED) return;
        // The browser has given up: the store refused, which the session tells.
        stream = undefined;
        void queries.invalidateQueries({ queryKey: sessionQuery.queryKey });
        timer ??= setTimeout(() => {
          timer = undefined;
          listen();
        }, 5_000);
      };
    };
    const onVisible = () => {
      if (!document.hidden) listen();
    };
    listen();
    document.addEventListener('visibilitychange', onVisible);
    return () => {
      document.removeEventListener('visibilitychange', onVisible);
      clearTimeout(timer);
      stream?.close();
    };
  }, [queries]);

  const reset = useCallback(() => {
    fresh.current.clear();
    setCount(0);
  }, []);
  return { count, paused, reset };
}
