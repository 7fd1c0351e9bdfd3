// SPDX-License-Identifier: Apache-2.0
/** In the bar of every page: how many jobs are under way and how far, and the latest ones. */
import { lazy, Suspense, useState } from 'react';
import { Button, Dialog, DialogTrigger, Popover } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import { useLive } from '../live/live';
import { Icon } from '../shell/Icon';
import styles from './JobPill.module.css';
import { useJobTexts } from './texts';

const LatestJobs = lazy(() =>
  import('./LatestJobs').then((made) => ({ default: made.LatestJobs })),
);

export function JobPill() {
  const t = useTranslations('jobs');
  const { percent } = useJobTexts();
  const { jobs, state } = useLive();
  const [open, setOpen] = useState(false);
  const count = (...states: string[]) =>
    states.reduce((sum, one) => sum + (jobs?.states[one] ?? 0), 0);
  const running = count('Running');
  const busy = running + count('Pending', 'Retry');
  const undelivered = count('Undelivered');
  const shown = running ? `${busy} · ${percent(jobs?.progress ?? 0)}` : `${busy}`;
  const said = [
    busy ? t('pillBusy', { shown }) : t('title'),
    undelivered ? t('pillUndelivered', { count: undelivered }) : '',
  ];
  return (
    <DialogTrigger isOpen={open} onOpenChange={setOpen}>
      <Button
        className={styles.pill}
        data-busy={busy > 0 || undefined}
        data-live={state}
        aria-label={said.filter(Boolean).join(', ')}
      >
        <Icon name="jobs" size={17} />
        {busy > 0 && <span>{shown}</span>}
        {undelivered > 0 && <span className={styles.mark} />}
      </Button>
      <Popover className={styles.popover} placement="bottom end">
        <Dialog className={styles.latest} aria-label={t('latest')}>
          <Suspense fallback={null}>
            <LatestJobs jobs={jobs} paused={state !== 'open'} close={() => setOpen(false)} />
          </Suspense>
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}
