// SPDX-License-Identifier: Apache-2.0
/** The archives that can be asked, and how each of them hands out what it has. */
import { queryOptions } from '@tanstack/react-query';
import { get } from '../api/client';
import type { Remote } from './retrievals';

/** As the modality says, else as this store does. What changes the modalities asks for this again,
 * which is of another form than what their own page keeps below `remotes`. */
export const remotesQuery = queryOptions({
  queryKey: ['remotes', 'to ask'],
  queryFn: async ({ signal }): Promise<Remote[]> => {
    const [known, system] = await Promise.all([
      get<Record<string, { RetrieveMethod?: string }>>('/modalities?expand', { signal }),
      get<{ DicomDefaultRetrieveMethod: string }>('/system', { signal }),
    ]);
    return Object.entries(known).map(([name, { RetrieveMethod: own }]) => {
      const method =
        own === undefined || own === 'SystemDefault' ? system.DicomDefaultRetrieveMethod : own;
      return { name, method: method === 'C-GET' ? 'C-GET' : 'C-MOVE' };
    });
  },
});
