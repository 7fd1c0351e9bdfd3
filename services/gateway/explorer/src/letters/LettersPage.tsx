// SPDX-License-Identifier: Apache-2.0
/** What was received and could not be indexed: why, its file, and what can be done with it. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { Button } from 'react-aria-components';
import { useLocale, useTranslations } from 'use-intl';
import { useMay } from '../api/session';
import { momentOf, timeFormat } from '../formats';
import { JobTabs } from '../jobs/JobTabs';
import styles from '../known/known.module.css';
import { Table } from '../known/Table';
import { Failure } from '../shell/Failure';
import { useNotices } from '../shell/notices';
import { Page } from '../shell/Page';
import { DropDialog } from './DropDialog';
import { type Letter, lettersQuery, MOST, type Retried, retryAll, retryOne } from './letters';

/** What a notice is about that tells what still cannot be indexed. */
const STILL = 'letters';

export function LettersPage() {
  const t = useTranslations('letters');
  const may = useMay();
  const queries = useQueryClient();
  const { show, withdraw } = useNotices();
  const { data, error, refetch } = useQuery(lettersQuery);
  const [failure, setFailure] = useState<unknown>(null);
  const [dropped, setDropped] = useState<number[] | null>(null);
  const busy = useRef(false);
  const retry = async (what: () => Promise<Retried>) => {
    if (busy.current) return;
    busy.current = true;
    setFailure(null);
    withdraw([STILL]);
    try {
      const { Indexed, Failed } = await what();
      const whys = Object.values(Failed);
      if (Indexed.length) show({ text: t('retried', { count: Indexed.length }) });
      if (whys.length) {
        const text = t('stillFailed', { count: whys.length, why: whys[0] ?? '' });
        show({ text, bad: true, about: STILL });
      }
    } catch (refusal) {
      setFailure(refusal);
    } finally {
      busy.current = false;
      await queries.invalidateQueries({ queryKey: lettersQuery.queryKey });
    }
  };
  const letters = data ?? [];
  return (
    <Page title={t('title')}>
      <JobTabs />
      <div className={styles.bar}>
        <p className={styles.lead}>{t('lead')}</p>
        {may('dead-letters') && letters.length > 1 && (
          <>
            <Button className={styles.button} onPress={() => void retry(retryAll)}>
              {t('retryAll')}
            </Button>
            <Button
              className={styles.button}
              onPress={() => setDropped(letters.map(({ ID }) => ID))}
            >
              {t('dropAll')}
            </Button>
          </>
        )}
      </div>
      {(failure ?? error) && <Failure error={failure ?? error} retry={() => void refetch()} />}
      {data && letters.length === 0 && <p className={styles.empty}>{t('none')}</p>}
      {letters.length > 0 && (
        <Table
          label={t('title')}
          columns={[
            { title: t('number'), show: ({ ID }) => t('numberOf', { number: String(ID) }) },
            { title: t('since'), show: (one) => <Since letter={one} /> },
            { title: t('cause'), show: ({ Reason }) => <bdi lang="en">{Reason}</bdi> },
            { title: t('about'), show: (one) => <About letter={one} /> },
          ]}
          rows={letters}
          keyOf={({ ID }) => ID}
          actions={(one) => {
            const number = String(one.ID);
            return (
              <>
                {may('download') && one.Object && (
                  <a
                    className={styles.button}
                    href={`/tools/dead-letters/${number}/file`}
                    download
                    aria-label={t('downloadOf', { number })}
                  >
                    {t('download')}
                  </a>
                )}
                {may('dead-letters') && (
                  <>
                    <Button
                      aria-label={t('retryOf', { number })}
                      onPress={() => void retry(() => retryOne(one.ID))}
                    >
                      {t('retry')}
                    </Button>
                    <Button
                      aria-label={t('dropOf', { number })}
                      onPress={() => setDropped([one.ID])}
                    >
                      {t('drop')}
                    </Button>
                  </>
                )}
              </>
            );
          }}
        />
      )}
      {letters.length === MOST && <p className={styles.soft}>{t('more')}</p>}
      {dropped && <DropDialog numbers={dropped} onClose={() => setDropped(null)} />}
    </Page>
  );
}

function Since({ letter: { Since: since, LastRetry } }: { letter: Letter }) {
  const t = useTranslations('letters');
  const locale = useLocale();
  const moment = (told: string) => {
    const made = momentOf(told);
    return made
      ? timeFormat(locale, { dateStyle: 'short', timeStyle: 'short' }).format(made)
      : told;
  };
  return (
    <>
      {moment(since)}
      {LastRetry && (
        <span className={styles.below}>{t('tried', { moment: moment(LastRetry) })}</span>
      )}
    </>
  );
}

function About({ letter: { Instances } }: { letter: Letter }) {
  const t = useTranslations('letters');
  const [first, ...others] = Instances;
  if (!first) return <span className={styles.soft}>{t('unknown')}</span>;
  return (
    <>
      <bdi className={styles.uid}>{first.SOPInstanceUID}</bdi>
      {others.length > 0 && (
        <span className={styles.below}>{t('moreInstances', { count: others.length })}</span>
      )}
    </>
  );
}
