// SPDX-License-Identifier: Apache-2.0
/**
 * Deletion that can be taken back: for ten seconds nothing is sent, and the rows are only hidden.
 * Who leaves the page within them has deleted nothing, and is told so the next time.
 */
import { useQueryClient } from '@tanstack/react-query';
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import { useTranslations } from 'use-intl';
import { sentenceOf } from '../shell/Failure';
import { useShortcuts } from '../shell/keys';
import { useNotices } from '../shell/notices';
import { remove as removeStudies } from './actions';

/** Milliseconds. */
const TIME_TO_UNDO = 10_000;
const CANCELLED = 'pons-explorer-deletion-cancelled';

interface Deletions {
  /** Studies that are about to go, or have gone. */
  hidden: ReadonlySet<string>;
  /** Of these, the ones that have gone, and when: what was counted later does not have them. */
  gone: ReadonlyMap<string, number>;
  remove: (ids: readonly string[], counts: { studies: number; instances: number }) => void;
  /**
   * Another list is shown, which knows what has gone, and what has come again since: nothing has to
   * be hidden in it. Those of before are forgotten.
   */
  settle: () => void;
}

interface Pending {
  ids: readonly string[];
  timer: ReturnType<typeof setTimeout>;
  close: () => void;
}

const Context = createContext<Deletions | null>(null);

export function useDeletions(): Deletions {
  const deletions = useContext(Context);
  if (!deletions) throw new Error('useDeletions outside DeletionsProvider');
  return deletions;
}

export function DeletionsProvider({ children }: { children: ReactNode }) {
  const t = useTranslations('deletions');
  const shell = useTranslations('shell');
  const { show } = useNotices();
  const queries = useQueryClient();
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [gone, setGone] = useState<ReadonlyMap<string, number>>(new Map());
  const pending = useRef<Pending[]>([]);
  const done = useRef<string[]>([]);

  const unhide = useCallback((ids: readonly string[]) => {
    setHidden((before) => new Set([...before].filter((id) => !ids.includes(id))));
  }, []);

  const undo = useCallback(
    (which = pending.current.at(-1)) => {
      if (!which || !pending.current.includes(which)) return;
      pending.current = pending.current.filter((other) => other !== which);
      clearTimeout(which.timer);
      which.close();
      unhide(which.ids);
      show({ text: t('undone', { count: which.ids.length }) });
    },
    [show, t, unhide],
  );

  const send = useCallback(
    async (one: Pending) => {
      pending.current = pending.current.filter((other) => other !== one);
      try {
        await removeStudies(one.ids);
        done.current.push(...one.ids);
        const now = Date.now();
        setGone((before) => new Map([...before, ...one.ids.map((id) => [id, now] as const)]));
        // Pages in sight keep their rows, which stay hidden: others would move.
        queries.removeQueries({ queryKey: ['studies', 'page'], type: 'inactive' });
        await queries.invalidateQueries({ queryKey: ['studies', 'count'] });
        await queries.invalidateQueries({ queryKey: ['studies', 'facets'] });
      } catch (error) {
        show({ text: `${t('failed')} ${shell(sentenceOf(error))}`, bad: true });
        unhide(one.ids);
      }
    },
    [queries, show, shell, t, unhide],
  );

  const remove = useCallback(
    (asked: readonly string[], { studies, instances }: { studies: number; instances: number }) => {
      // A key pressed twice: what two deletions had, one that is undone would not bring back.
      const going = new Set(pending.current.flatMap(({ ids }) => ids));
      const ids = asked.filter((id) => !going.has(id));
      if (!ids.length) return;
      setHidden((before) => new Set([...before, ...ids]));
      const one: Pending = {
        ids,
        timer: setTimeout(() => void send(one), TIME_TO_UNDO),
        close: show({
          text: t('deleted', { studies, instances }),
          lasts: TIME_TO_UNDO,
          action: { text: t('undo'), run: () => undo(one) },
        }),
      };
      pending.current.push(one);
    },
    [send, show, t, undo],
  );

  const settle = useCallback(() => {
    if (!done.current.length) return;
    queries.removeQueries({ queryKey: ['studies', 'page'], type: 'inactive' });
    unhide(done.current);
    done.current = [];
    setGone(new Map());
  }, [queries, unhide]);

  useShortcuts([{ keys: 'z', text: t('undoKey'), run: () => undo() }]);
  useEffect(() => {
    const leave = () => {
      if (!pending.current.length) return;
      for (const { ids, timer, close } of pending.current) {
        clearTimeout(timer);
        close();
        unhide(ids);
      }
      const studies = pending.current.reduce((sum, { ids }) => sum + ids.length, 0);
      pending.current = [];
      sessionStorage.setItem(CANCELLED, String(studies));
    };
    window.addEventListener('pagehide', leave);
    return () => window.removeEventListener('pagehide', leave);
  }, [unhide]);
  useEffect(() => {
    const tell = () => {
      const count = Number(sessionStorage.getItem(CANCELLED));
      if (!count) return;
      sessionStorage.removeItem(CANCELLED);
      show({ text: t('cancelled', { count }), lasts: 0 });
    };
    tell();
    // The way back may bring the page as it was left.
    window.addEventListener('pageshow', tell);
    return () => window.removeEventListener('pageshow', tell);
  }, [show, t]);

  const deletions = useMemo(
    () => ({ hidden, gone, remove, settle }),
    [hidden, gone, remove, settle],
  );
  return <Context value={deletions}>{children}</Context>;
}
