// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from 'react';

/** Whether what was `ready` in some earlier drawing of the page is on the screen by now. */
export function useDrawn(ready: boolean): boolean {
  const [drawn, setDrawn] = useState(false);
  useEffect(() => {
    if (!ready || drawn) return;
    let later: ReturnType<typeof setTimeout> | undefined;
    // A frame is about to be drawn when it is told of; what is timed then comes behind it.
    const frame = requestAnimationFrame(() => {
      later = setTimeout(() => setDrawn(true));
    });
    return () => {
      cancelAnimationFrame(frame);
      clearTimeout(later);
    };
  }, [ready, drawn]);
  return drawn;
}
