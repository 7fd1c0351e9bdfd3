// SPDX-License-Identifier: Apache-2.0
import { useEffect, useRef, useState } from 'react';

/** Counts the changes of a value, but no more often than once in a time. */
export function useTick(value: unknown, every = 1_000): number {
  const [tick, setTick] = useState(0);
  const last = useRef(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: with each change of the value
  useEffect(() => {
    const timer = setTimeout(
      () => {
        last.current = Date.now();
        setTick((before) => before + 1);
      },
      Math.max(0, last.current + every - Date.now()),
    );
    return () => clearTimeout(timer);
  }, [value, every]);
  return tick;
}
