// SPDX-License-Identifier: Apache-2.0
/** The ways between the pages about work: jobs, what was not delivered or indexed, what was sent. */
import { Link } from '@tanstack/react-router';
import { useTranslations } from 'use-intl';
import { useLive } from '../live/live';
import styles from './jobs.module.css';

export function JobTabs() {
  const t = useTranslations('jobs');
  const letters = useTranslations('letters');
  const undelivered = useLive().jobs?.states.Undelivered ?? 0;
  const exact = { includeSearch: false } as const;
  return (
    <nav className={styles.tabs} aria-label={t('pages')}>
      <Link to="/jobs" search={{}} activeOptions={exact}>
        {t('title')}
      </Link>
      <Link to="/operate/routing/dead" search={{}} activeOptions={exact}>
        {t('undelivered')}
        {undelivered > 0 && <span>{undelivered}</span>}
      </Link>
      <Link to="/operate/unindexed">{letters('title')}</Link>
      <Link to="/operate/sent" search={{}} activeOptions={exact}>
        {t('sentLog')}
      </Link>
    </nav>
  );
}
