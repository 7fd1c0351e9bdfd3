// SPDX-License-Identifier: Apache-2.0
/** What rules have sent that is not there yet: by destination, how much, and why. */
import { queryOptions, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslations } from 'use-intl';
import { get } from '../api/client';
import { useJobTexts } from '../jobs/texts';
import styles from '../known/known.module.css';
import { Table } from '../known/Table';
import { Failure } from '../shell/Failure';

interface Queue {
  /** As `modality:NAME`. */
  Destination: string;
  Known: boolean;
  /** Changes of which no job was made yet. */
  Waiting: number;
  /** Jobs under way, or to be tried again. */
  GoingOn: number;
  DeadLetters: number;
  Reason: string;
}

const queuesQuery = queryOptions({
  queryKey: ['queues'],
  queryFn: ({ signal }) => get<Queue[]>('/routing/destinations', { signal }),
  refetchInterval: 15_000,
});

export function Queues() {
  const t = useTranslations('routing');
  const texts = useJobTexts();
  const { data, error, refetch } = useQuery(queuesQuery);
  const left = data?.filter((one) => one.Waiting + one.GoingOn + one.DeadLetters > 0) ?? [];
  if (!error && left.length === 0) return null;
  return (
    <section className={styles.tester} aria-labelledby="queues">
      <h2 id="queues">{t('queues')}</h2>
      {error && <Failure error={error} retry={() => void refetch()} />}
      {left.length > 0 && (
        <Table
          label={t('queues')}
          columns={[
            {
              title: t('queueOf'),
              show: ({ Destination, Known }) => (
                <>
                  <bdi>{texts.nameOf(Destination)}</bdi>{' '}
                  <span className={styles.soft}>{texts.kind(Destination)}</span>
                  {!Known && <span className={styles.below}>{t('queueOfNobody')}</span>}
                </>
              ),
            },
            {
              title: t('queueLeft'),
              show: ({ Waiting, GoingOn, DeadLetters }) =>
                [
                  Waiting > 0 && t('queueWaiting', { count: Waiting }),
                  GoingOn > 0 && t('queueGoingOn', { count: GoingOn }),
                  DeadLetters > 0 && t('queueDead', { count: DeadLetters }),
                ].map(
                  (told) =>
                    told && (
                      <span key={told} className={styles.line}>
                        {told}
                      </span>
                    ),
                ),
            },
            {
              title: t('queueReason'),
              show: ({ Reason }) => (
                <bdi lang="en" className={styles.cause}>
                  {Reason}
                </bdi>
              ),
            },
          ]}
          rows={left}
          keyOf={({ Destination }) => Destination}
          actions={({ Destination, DeadLetters }) =>
            DeadLetters > 0 && (
              <Link to="/operate/routing/dead" search={{ destination: Destination }}>
                {t('seeDead')}
              </Link>
            )
          }
        />
      )}
    </section>
  );
}
