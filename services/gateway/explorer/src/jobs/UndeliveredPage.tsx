// SPDX-License-Identifier: Apache-2.0
/** What could not be delivered: by destination with its causes, then each job. */
import { useQuery } from '@tanstack/react-query';
import { Link, useSearch } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import { useTranslations } from 'use-intl';
import { useMay } from '../api/session';
import { useLive } from '../live/live';
import { Failure, sentenceOf } from '../shell/Failure';
import { Icon } from '../shell/Icon';
import { useNotices } from '../shell/notices';
import { Page } from '../shell/Page';
import { JobList } from './JobList';
import { JobTabs } from './JobTabs';
import styles from './jobs.module.css';
import { retryAll, undeliveredQuery } from './queries';
import { useJobTexts } from './texts';
import { useTick } from './useTick';

export function UndeliveredPage() {
  const t = useTranslations('jobs');
  const shell = useTranslations('shell');
  const texts = useJobTexts();
  const may = useMay();
  const { show, withdraw } = useNotices();
  const { jobs } = useLive();
  const tick = useTick(jobs);
  const address = useSearch({ from: '/shell/operate/routing/dead' });
  const { data, error, refetch } = useQuery(undeliveredQuery(tick));
  const busy = useRef(false);
  const [retried, setRetried] = useState(0);
  const retry = async (destination: string) => {
    if (busy.current) return;
    busy.current = true;
    try {
      const { Jobs } = await retryAll(destination);
      withdraw([...Jobs, destination]);
      show({ text: t('done_retry', { count: Jobs.length }) });
      setRetried((before) => before + 1);
      await refetch();
    } catch (refusal) {
      show({ text: shell(sentenceOf(refusal)), bad: true, about: destination });
    } finally {
      busy.current = false;
    }
  };
  return (
    <Page title={t('undelivered')} quiet>
      <JobTabs />
      {error && !data && (
        <div className={styles.aside}>
          <Failure error={error} retry={() => void refetch()} />
        </div>
      )}
      {data && data.length > 0 && (
        <ul className={styles.cards} aria-label={t('byDestination')}>
          {data.map(({ destination, count, since, causes }) => (
            <li key={destination}>
              <h2>
                <Link to="/operate/routing/dead" search={{ destination }}>
                  <bdi>{texts.nameOf(destination)}</bdi>
                </Link>{' '}
                <small>{texts.kind(destination)}</small>
              </h2>
              <p>{t('undeliveredSince', { count, since: texts.moment(since) })}</p>
              <ul className={styles.causes}>
                {causes.map(({ cause, count: times }) => (
                  <li key={cause}>
                    {causes.length > 1 && <strong>{times} × </strong>}
                    <bdi>{cause || t('noCause')}</bdi>
                  </li>
                ))}
              </ul>
              {may('dead-letters') && (
                <button
                  type="button"
                  className={styles.framed}
                  onClick={() => void retry(destination)}
                >
                  <Icon name="retry" />
                  {t('retryAll', { count })}
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
      <JobList key={retried} to="/operate/routing/dead" address={address} only="Undelivered" />
    </Page>
  );
}
