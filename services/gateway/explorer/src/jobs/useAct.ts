// SPDX-License-Identifier: Apache-2.0
import { useQueryClient } from '@tanstack/react-query';
import { useRef } from 'react';
import { useTranslations } from 'use-intl';
import { sentenceOf } from '../shell/Failure';
import { useNotices } from '../shell/notices';
import { type Action, act } from './queries';

/** Does something to jobs and tells how that went; a second press while it is done does nothing. */
export function useAct(): (action: Action, ids: readonly string[]) => Promise<boolean> {
  const t = useTranslations('jobs');
  const shell = useTranslations('shell');
  const queries = useQueryClient();
  const { show } = useNotices();
  const busy = useRef(false);
  return async (action, ids) => {
    if (busy.current) return false;
    busy.current = true;
    try {
      const { done, refused } = await act(action, ids);
      const whys = Object.values(refused);
      if (done) show({ text: t(`done_${action}`, { count: done }) });
      if (whys.length)
        show({ text: t('refused', { count: whys.length, why: whys[0] ?? '' }), bad: true });
      return whys.length === 0;
    } catch (error) {
      show({
        text: `${shell(sentenceOf(error))} ${error instanceof Error ? error.message : ''}`,
        bad: true,
      });
      return false;
    } finally {
      busy.current = false;
      await queries.invalidateQueries({ queryKey: ['jobs'], refetchType: 'none' });
    }
  };
}
