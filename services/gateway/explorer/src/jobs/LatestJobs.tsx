// SPDX-License-Identifier: Apache-2.0
import { Link } from '@tanstack/react-router';
import { Heading } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import type { JobNews } from '../api/schema';
import { JobState } from './JobState';
import styles from './jobs.module.css';
import { useJobTexts } from './texts';

interface Props {
  jobs: JobNews | null;
  paused: boolean;
  close: () => void;
}

export function LatestJobs({ jobs, paused, close }: Props) {
  const t = useTranslations('jobs');
  const texts = useJobTexts();
  return (
    <>
      <Heading slot="title" level={2} className={styles.latestTitle}>
        {t('latest')}
      </Heading>
      {paused && <p className={styles.soft}>{t('paused')}</p>}
      {jobs?.latest.length === 0 && <p className={styles.soft}>{t('none')}</p>}
      <ul className={styles.latest}>
        {jobs?.latest.map((job) => (
          <li key={job.id}>
            <Link to="/jobs" search={{ job: job.id }} onClick={close}>
              <bdi>{texts.what(job)}</bdi>
            </Link>
            <span className={styles.end}>{texts.counted(job)}</span>
            <JobState job={job} />
            <span className={styles.end}>{texts.shortly(job.completed ?? job.created)}</span>
            {job.error && <p className={styles.error}>{job.error}</p>}
          </li>
        ))}
      </ul>
      <p>
        <Link to="/jobs" search={{}} onClick={close}>
          {t('all')}
        </Link>
      </p>
    </>
  );
}
