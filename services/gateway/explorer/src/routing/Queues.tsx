// SPDX-License-Identifier: Apache-2.0
/** What rules have sent that is not there yet: by destination, how much, and why. */
import { keepPreviousData, queryOptions, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslations } from 'use-intl';
import { get } from '../api/client';
import { useMay } from '../api/session';
import { momentOf } from '../formats';
import { identifiers } from '../jobs/queries';
import { useJobTexts } from '../jobs/texts';
import { useAct } from '../jobs/useAct';
import { useTick } from '../jobs/useTick';
import styles from '../known/known.module.css';
import { Table } from '../known/Table';
import { useLive } from '../live/live';
import { Failure, sentenceOf } from '../shell/Failure';
import { useNotices } from '../shell/notices';

interface Queue {
  /** As `modality:NAME`. */
  Destination: string;
  Known: boolean;
  /** Changes of which no job was made yet. */
  Waiting: number;
  /** Jobs under way, or to be tried again. */
  GoingOn: number;
  DeadLetters: number;
  /** When the first of its jobs is tried again; of none, or told by an earlier version: nothing. */
  NextTry?: string | null;
  Reason: string;
}

const KEY = ['queues'];

const queuesQuery = (tick: number) =>
  queryOptions({
    queryKey: [...KEY, tick],
    queryFn: ({ signal }) => get<Queue[]>('/routing/destinations', { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: 15_000,
    gcTime: 10_000,
  });

export function Queues() {
  const t = useTranslations('routing');
  const texts = useJobTexts();
  const may = useMay();
  const tick = useTick(useLive().jobs);
  const { data, error, refetch } = useQuery(queuesQuery(tick));
  const nextTry = (told: string) => {
    const at = momentOf(told);
    return at ? texts.shortly(at.getTime() / 1000) : told;
  };
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
              show: ({ Waiting, GoingOn, DeadLetters, NextTry }) =>
                [
                  Waiting > 0 && t('queueWaiting', { count: Waiting }),
                  GoingOn > 0 && t('queueGoingOn', { count: GoingOn }),
                  NextTry && t('queueNextTry', { at: nextTry(NextTry) }),
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
          actions={({ Destination, DeadLetters, NextTry }) => (
            <>
              {NextTry && may('jobs') && (
                <TryNow destination={Destination} name={texts.nameOf(Destination)} />
              )}
              {DeadLetters > 0 && (
                <Link to="/operate/routing/dead" search={{ destination: Destination }}>
                  {t('seeDead')}
                </Link>
              )}
            </>
          )}
        />
      )}
    </section>
  );
}

interface TryNowProps {
  destination: string;
  /** As people call it. */
  name: string;
}

/** Each destination has its own: to try what waits for one holds up no other. */
function TryNow({ destination, name }: TryNowProps) {
  const t = useTranslations('routing');
  const shell = useTranslations('shell');
  const { show } = useNotices();
  const act = useAct();
  const queries = useQueryClient();
  const tryNow = async () => {
    try {
      await act('retry', await identifiers({ states: ['Retry'], text: '', destination }));
    } catch (refusal) {
      show({ text: shell(sentenceOf(refusal)), bad: true, about: destination });
    }
    await queries.invalidateQueries({ queryKey: KEY });
  };
  return (
    <button type="button" aria-label={t('tryNowOf', { name })} onClick={() => void tryNow()}>
      {t('tryNow')}
    </button>
  );
}
