// SPDX-License-Identifier: Apache-2.0
import { useSyncExternalStore } from 'react';

const PHONE = window.matchMedia('(width < 40rem)');

function subscribe(listener: () => void): () => void {
  PHONE.addEventListener('change', listener);
  return () => PHONE.removeEventListener('change', listener);
}

/** Whether the window is as narrow as that of a phone. */
export const useNarrow = (): boolean => useSyncExternalStore(subscribe, () => PHONE.matches);
