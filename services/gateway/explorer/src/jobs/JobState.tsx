// SPDX-License-Identifier: Apache-2.0
/** How far a job is, in words and as a bar. */
import type { JobRow } from '../api/schema';
import styles from './jobs.module.css';
import { useJobTexts } from './texts';

export function JobState({ job }: { job: JobRow }) {
  const { state, percent } = useJobTexts();
  const running = job.state === 'Running';
  return (
    <span className={styles.state} data-state={job.state}>
      <span className={styles.dot} aria-hidden="true" />
      {state(job)}
      {(running || (job.progress > 0 && job.progress < 1)) && (
        <>
          <span className={styles.track} aria-hidden="true">
            <span style={{ width: `${job.progress * 100}%` }} />
          </span>
          {percent(job.progress)}
        </>
      )}
    </span>
  );
}
