// SPDX-License-Identifier: Apache-2.0
/** Says that the store cannot be reached, and has the page ask anew what failed once it can. */
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { useTranslations } from 'use-intl';
import { useReach } from '../api/reach';
import { sessionQuery } from '../api/session';
import styles from './Away.module.css';
import { Icon } from './Icon';
import { useNotices } from './notices';
import { useAsking } from './useAsking';

const [SESSION] = sessionQuery.queryKey;

export function Away() {
  const t = useTranslations('shell');
  const queries = useQueryClient();
  const { announce } = useNotices();
  // Doubt is no absence: what one path alone refuses is asked no more often because of it.
  const away = useReach() === 'away';
  useAsking();

  const was = useRef(away);
  useEffect(() => {
    if (away === was.current) return;
    was.current = away;
    announce(t(away ? 'away' : 'backAgain'));
    if (away) return;
    // What has been answered stays as it is: rows do not move because a network came back.
    void queries.refetchQueries({
      type: 'active',
      predicate: ({ queryKey, state: { status } }) => status === 'error' && queryKey[0] !== SESSION,
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
