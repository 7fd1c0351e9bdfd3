// SPDX-License-Identifier: Apache-2.0
/** What the store tells while the list is open. Rows never move by themselves: this counts. */
import { useCallback, useEffect, useRef, useState } from 'react';
import { onGone, onStudy, useLive } from '../live/live';

export interface Arrivals {
  /** New studies since the list was asked for. */
  count: number;
  /** Studies that were deleted since then, whoever did it. */
  gone: ReadonlySet<string>;
  /** The stream is cut, and is about to be got back. */
  paused: boolean;
  reset: () => void;
}

const UPDATES_EVERY = 250;
const NONE: ReadonlySet<string> = new Set();

export function useArrivals(): Arrivals {
  const { state } = useLive();
  const fresh = useRef(new Set<string>());
  const [count, setCount] = useState(0);
  const [gone, setGone] = useState(NONE);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const leave = onStudy((id) => {
      fresh.current.add(id);
      setGone((before) =>
        before.has(id) ? new Set([...before].filter((one) => one !== id)) : before,
      );
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

  useEffect(() => onGone((ids) => setGone((before) => new Set([...before, ...ids]))), []);

  const reset = useCallback(() => {
    fresh.current.clear();
    setCount(0);
    setGone(NONE);
  }, []);
  return { count, gone, paused: state === 'paused' || state === 'refused', reset };
}
