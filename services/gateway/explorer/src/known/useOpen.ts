// SPDX-License-Identifier: Apache-2.0
import { useEffect, useRef } from 'react';

/** Whether a dialog is still there: one that was closed while it waited closes no other one. */
export function useOpen(): () => boolean {
  const open = useRef(true);
  useEffect(() => {
    open.current = true;
    return () => {
      open.current = false;
    };
  }, []);
  return () => open.current;
}
