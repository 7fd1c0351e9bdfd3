// SPDX-License-Identifier: Apache-2.0
/** Says that the store cannot be reached, asks until it can, and has the page ask anew what failed. */
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { useTranslations } from 'use-intl';
import { useAway } from '../api/reach';
import { sessionQuery } from '../api/session';
import { useLive } from '../live/live';
import styles from './Away.module.css';
import { Icon } from './Icon';
import { useNotices } from './notices';

/** Milliseconds. */
const ASKED_EVERY = 3_000;

export function Away() {
  const t = useTranslations('shell');
  const queries = useQueryClient();
  const { announce } = useNotices();
  const away = useAway();
  const { state } = useLive();
  const doubtful = away || state === 'paused';

  useEffect(() => {
    if (!doubtful) return;
    const ask = () =>
      void queries.fetchQuery({ ...sessionQuery, staleTime: 0, retry: false }).catch(() => null);
    ask();
    const timer = setInterval(ask, ASKED_EVERY);
    return () => clearInterval(timer);
  }, [doubtful, queries]);

  const was = useRef(away);
  useEffect(() => {
    if (away === was.current) return;
    was.current = away;
    announce(t(away ? 'away' : 'backAgain'));
    if (away) return;
    // What has been answered stays as it is: rows do not move because a network came back.
    void queries.refetchQueries({
      type: 'active',
      predicate: ({ state: { status } }) => status === 'error',
    });
  }, [away, announce, queries, t]);

  if (!away) return null;
  return (
    <div className={styles.away}>
      <Icon name="retry" size={16} />
      <span>{t('away')}</span>
    </div>
  );
}
