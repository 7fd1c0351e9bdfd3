// SPDX-License-Identifier: Apache-2.0
/** Files on their way into the store. The queue lives above the pages, so it outlives each of them. */
import { useQueryClient } from '@tanstack/react-query';
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useState,
  useSyncExternalStore,
} from 'react';
import { useTranslations } from 'use-intl';
import { useNotices } from '../shell/notices';
import { type Found, UploadQueue } from './transfers';

const Context = createContext<UploadQueue | null>(null);

export function useUploads(): UploadQueue {
  const queue = useContext(Context);
  if (!queue) throw new Error('useUploads outside UploadsProvider');
  // The queue counts up whenever something about it changes.
  useSyncExternalStore(queue.subscribe, queue.version);
  return queue;
}

export function UploadsProvider({ children }: { children: ReactNode }) {
  const t = useTranslations('upload');
  const { show } = useNotices();
  const queries = useQueryClient();
  const [queue] = useState(() => new UploadQueue());

  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => {
      if (queue.busy) event.preventDefault();
    };
    window.addEventListener('beforeunload', warn);
    return () => window.removeEventListener('beforeunload', warn);
  }, [queue]);
  useEffect(() => queue.follow(), [queue]);
  useEffect(() => {
    queue.onEnd = () => {
      const { stored, left } = queue.totals();
      show({ text: t('finished', { count: stored, left }), bad: left > 0 });
      void queries.invalidateQueries({ queryKey: ['studies', 'count'] });
      void queries.invalidateQueries({ queryKey: ['studies', 'facets'] });
    };
  }, [queue, queries, show, t]);

  return <Context value={useMemo(() => queue, [queue])}>{children}</Context>;
}

export type { Found };
