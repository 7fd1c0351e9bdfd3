// SPDX-License-Identifier: Apache-2.0
import { useSyncExternalStore } from 'react';
import type { Seen, Viewer } from './viewer';

/** Part of what is seen; the component renders anew when that part is another. */
export function useSeen<T>(viewer: Viewer, part: (seen: Seen) => T): T {
  return useSyncExternalStore(viewer.subscribe, () => part(viewer.snapshot()));
}
