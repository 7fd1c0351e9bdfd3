// SPDX-License-Identifier: Apache-2.0
import { useQueryClient } from '@tanstack/react-query';
import { useRef } from 'react';
import { useTranslations } from 'use-intl';
import { sentenceOf } from '../shell/Failure';
import { useNotices } from '../shell/notices';
import { type Action, act } from './queries';

/** What a notice is about that tells why something could not be done to jobs. */
const REFUSED = 'jobs';

/**
 * Does something to jobs and tells how that went; a second press while it is done does nothing.
 * That these jobs have failed is not told any more afterwards.
 */
export function useAct(): (action: Action, ids: readonly string[]) => Promise<boolean> {
  const t = useTranslations('jobs');
  const shell = useTranslations('shell');
  const queries = useQueryClient();
  const { show, withdraw } = useNotices();
  const busy = useRef(false);
  return async (action, ids) => {
    if (busy.current) return false;
    busy.current = true;
    withdraw([REFUSED]);
    try {
      const { done, refused } = await act(action, ids);
      const whys = Object.values(refused);
      if (done) show({ text: t(`done_${action}`, { count: done }) });
      withdraw(ids.filter((id) => !(id in refused)));
      if (whys.length) {
        const text = t('refused', { count: whys.length, why: whys[0] ?? '' });
        show({ text, bad: true, about: REFUSED });
      }
      return whys.length === 0;
    } catch (error) {
      show({
        text: `${shell(sentenceOf(error))} ${error instanceof Error ? error.message : ''}`,
        bad: true,
        about: REFUSED,
      });
      return false;
    } finally {
      busy.current = false;
      await queries.invalidateQueries({ queryKey: ['jobs'], refetchType: 'none' });
    }
  };
}
