// SPDX-License-Identifier: Apache-2.0
/** What happens when something has been fetched: it is said, and its row is looked at again. */
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { useTranslations } from 'use-intl';
import { useNotices } from '../shell/notices';
import { personName } from '../studies/dicom';
import type { HeldStudies } from './held';
import { mostImages, type Row } from './merging';
import { retrievals } from './retrievals';

/** Milliseconds after which the index may have got what had come last. */
const LOOKS = [0, 1_000, 3_000, 8_000];

export function useEnded(rows: readonly Row[], held: HeldStudies): void {
  const t = useTranslations('remote');
  const { show } = useNotices();
  const queries = useQueryClient();
  const latest = useRef({ rows, held });
  latest.current = { rows, held };
  useEffect(() => {
    const timers = new Set<ReturnType<typeof setTimeout>>();
    const look = (key: string, at: number) => {
      const wait = LOOKS[at];
      if (wait === undefined) return;
      const timer = setTimeout(async () => {
        timers.delete(timer);
        const row = latest.current.rows.find((one) => one.key === key);
        if (!row) return;
        // Where the store cannot tell now, the next look does.
        await latest.current.held.look([row]).catch(() => undefined);
        const here = latest.current.held.of(key)?.instances ?? 0;
        if (here < (mostImages(row) ?? Number.POSITIVE_INFINITY)) look(key, at + 1);
      }, wait);
      timers.add(timer);
    };
    retrievals.onEnd = ({ key, remote, state, why }) => {
      const row = latest.current.rows.find((one) => one.key === key);
      const name = personName(row?.patientName ?? '') || t('noName');
      if (state === 'done') show({ text: t('retrieved', { name, remote }) });
      else if (state === 'forgotten')
        show({ text: t('retrievalForgotten', { name, remote }), bad: true });
      else
        show({
          text: t('notRetrieved', { name, remote, why: why || t('notRetrievedWhy') }),
          bad: true,
        });
      look(key, 0);
      void queries.invalidateQueries({ queryKey: ['studies'] });
    };
    return () => {
      retrievals.onEnd = () => undefined;
      for (const timer of timers) clearTimeout(timer);
    };
  }, [queries, show, t]);
}
