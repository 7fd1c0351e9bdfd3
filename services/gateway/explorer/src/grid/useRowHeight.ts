// SPDX-License-Identifier: Apache-2.0
import { type RefObject, useLayoutEffect, useRef, useState } from 'react';

/** Of a row as it is by default, until the headings are there to be measured. */
const AT_FIRST = 32;

/**
 * The height of a row in px, which is that of the row of headings: it differs for fingers and for
 * large text, is chosen by people, and is another one where a style comes late.
 */
export function useRowHeight(): [RefObject<HTMLDivElement | null>, number] {
  const head = useRef<HTMLDivElement>(null);
  const [height, setHeight] = useState(AT_FIRST);
  useLayoutEffect(() => {
    const row = head.current;
    if (!row) return;
    const measure = () => setHeight(row.offsetHeight || AT_FIRST);
    measure();
    const watching = new ResizeObserver(measure);
    watching.observe(row);
    return () => watching.disconnect();
  }, []);
  return [head, height];
}
