// SPDX-License-Identifier: Apache-2.0
/** What was received and could not be indexed: why, its file, and what can be done with it. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { Button } from 'react-aria-components';
import { useFormatter, useTranslations } from 'use-intl';
import { useMay } from '../api/session';
import { JobTabs } from '../jobs/JobTabs';
import styles from '../network/network.module.css';
import { Failure } from '../shell/Failure';
import { useNotices } from '../shell/notices';
import { Page } from '../shell/Page';
import { DropDialog } from './DropDialog';
import {
  type Letter,
  lettersQuery,
  MOST,
  momentOf,
  type Retried,
  retryAll,
  retryOne,
} from './letters';

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
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls is reached by keyboard
        <section className={styles.wide} tabIndex={0} aria-label={t('title')}>
          <table className={styles.table}>
            <thead>
              <tr>
                <th scope="col">{t('number')}</th>
                <th scope="col">{t('since')}</th>
                <th scope="col">{t('cause')}</th>
                <th scope="col">{t('about')}</th>
                <td />
              </tr>
            </thead>
            <tbody>
              {letters.map((one) => (
                <Row
                  key={one.ID}
                  letter={one}
                  may={may('dead-letters')}
                  mayDownload={may('download')}
                  retry={() => void retry(() => retryOne(one.ID))}
                  drop={() => setDropped([one.ID])}
                />
              ))}
            </tbody>
          </table>
        </section>
      )}
      {letters.length === MOST && <p className={styles.soft}>{t('more')}</p>}
      {dropped && <DropDialog numbers={dropped} onClose={() => setDropped(null)} />}
    </Page>
  );
}

interface RowProps {
  letter: Letter;
  may: boolean;
  mayDownload: boolean;
  retry: () => void;
  drop: () => void;
}

function Row({ letter, may, mayDownload, retry, drop }: RowProps) {
  const t = useTranslations('letters');
  const format = useFormatter();
  const moment = (told: string) => {
    const made = momentOf(told);
    return made ? format.dateTime(made, { dateStyle: 'short', timeStyle: 'short' }) : told;
  };
  const number = String(letter.ID);
  const [first, ...others] = letter.Instances;
  return (
    <tr>
      <th scope="row">{t('numberOf', { number })}</th>
      <td>
        {moment(letter.Since)}
        {letter.LastRetry && (
          <span className={styles.below}>{t('tried', { moment: moment(letter.LastRetry) })}</span>
        )}
      </td>
      <td>
        <bdi lang="en">{letter.Reason}</bdi>
      </td>
      <td>
        {first ? (
          <>
            <bdi className={styles.uid}>{first.SOPInstanceUID}</bdi>
            {others.length > 0 && (
              <span className={styles.below}>{t('moreInstances', { count: others.length })}</span>
            )}
          </>
        ) : (
          <span className={styles.soft}>{t('unknown')}</span>
        )}
      </td>
      <td>
        <div className={styles.actions}>
          {mayDownload && letter.Object && (
            <a
              className={styles.button}
              href={`/tools/dead-letters/${number}/file`}
              download
              aria-label={t('downloadOf', { number })}
            >
              {t('download')}
            </a>
          )}
          {may && (
            <>
              <Button aria-label={t('retryOf', { number })} onPress={retry}>
                {t('retry')}
              </Button>
              <Button aria-label={t('dropOf', { number })} onPress={drop}>
                {t('drop')}
              </Button>
            </>
          )}
        </div>
      </td>
    </tr>
  );
}
