// SPDX-License-Identifier: Apache-2.0
/** What the store tells while the list is open. Rows never move by themselves: this counts. */
import { useCallback, useEffect, useRef, useState } from 'react';
import { onStudy, useLive } from '../live/live';

export interface Arrivals {
  /** New studies since the list was asked for. */
  count: number;
  /** The stream is cut, and is about to be got back. */
  paused: boolean;
  reset: () => void;
}

const UPDATES_EVERY = 250;

export function useArrivals(): Arrivals {
  const { state } = useLive();
  const fresh = useRef(new Set<string>());
  const [count, setCount] = useState(0);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const leave = onStudy((id) => {
      fresh.current.add(id);
      timer ??= setTimeout(() => {
        timer = undefined;
        setCount(fresh.current.size);
      }, UPDATES_EVERY);
    });
    return () => {
      leave();
      clearTimeout(timer);
    };
  }, []);

  const reset = useCallback(() => {
    fresh.current.clear();
    setCount(0);
  }, []);
  return { count, paused: state === 'paused' || state === 'refused', reset };
}
