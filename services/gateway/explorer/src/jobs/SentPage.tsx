// SPDX-License-Identifier: Apache-2.0
/** What was sent to whom, newest first, by destination and patient. */
import { infiniteQueryOptions, useInfiniteQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useLocale, useTranslations } from 'use-intl';
import { post } from '../api/client';
import type { SentPage as SentAnswer } from '../api/schema';
import { timeFormat } from '../formats';
import { WordSearch } from '../forms/WordSearch';
import { Failure } from '../shell/Failure';
import { Page } from '../shell/Page';
import toolbar from '../shell/Toolbar.module.css';
import { personName } from '../studies/dicom';
import type { SentAddress } from './address';
import { JobTabs } from './JobTabs';
import styles from './jobs.module.css';

const sentQuery = ({ destination = '', patient = '' }: SentAddress) =>
  infiniteQueryOptions({
    queryKey: ['sent', destination, patient],
    queryFn: ({ pageParam, signal }) =>
      post<SentAnswer>(
        '/explorer/api/sent',
        { destination, patient, before: pageParam },
        { signal },
      ),
    initialPageParam: null as number | null,
    getNextPageParam: ({ next }) => next,
    placeholderData: (before) => before,
  });

export function SentPage() {
  const t = useTranslations('jobs');
  const locale = useLocale();
  const navigate = useNavigate();
  const address = useSearch({ from: '/shell/operate/sent' });
  const sent = useInfiniteQuery(sentQuery(address));
  const rows = sent.data?.pages.flatMap((page) => page.rows) ?? [];
  const search = (name: keyof SentAddress, text: string) => {
    const { [name]: _, ...others } = address;
    const next = text.trim() ? { ...others, [name]: text } : others;
    void navigate({ to: '/operate/sent', search: next, replace: true });
  };
  return (
    <Page title={t('sentLog')} quiet>
      <JobTabs />
      <section className={toolbar.bar} aria-label={t('filters')}>
        <WordSearch
          label={t('byPatient')}
          hint={t('byPatient')}
          value={address.patient ?? ''}
          keys="/"
          onChange={(text) => search('patient', text)}
        />
        <WordSearch
          label={t('toDestination')}
          hint={t('toDestination')}
          value={address.destination ?? ''}
          onChange={(text) => search('destination', text)}
        />
      </section>
      <div className={styles.scrolled}>
        {sent.error && <Failure error={sent.error} retry={() => void sent.refetch()} />}
        {sent.data && rows.length === 0 && (
          <p>{address.patient || address.destination ? t('noneSentMatch') : t('noneSent')}</p>
        )}
        {rows.length > 0 && (
          <table className={styles.table} aria-busy={sent.isPlaceholderData}>
            <thead>
              <tr>
                <th scope="col">{t('when')}</th>
                <th scope="col">{t('destination')}</th>
                <th scope="col">{t('patient')}</th>
                <th scope="col">{t('patientId')}</th>
                <th scope="col">{t('study')}</th>
                <th scope="col">{t('level')}</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={row.seq}>
                  <td>
                    {timeFormat(locale, { dateStyle: 'short', timeStyle: 'medium' }).format(
                      new Date(row.date),
                    )}
                  </td>
                  <td>
                    <bdi>{row.destination}</bdi>
                  </td>
                  <td>
                    <bdi>{personName(row.patientName)}</bdi>
                  </td>
                  <td>
                    <bdi>{row.patientId}</bdi>
                  </td>
                  <td>
                    {row.study ? (
                      <a href={`/explorer/studies/${row.study}`}>
                        <bdi>{row.description || t('openStudy')}</bdi>
                      </a>
                    ) : (
                      <span className={styles.soft}>{t('studyGone')}</span>
                    )}
                  </td>
                  <td>{t(`level_${row.level}`)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
        {sent.hasNextPage && (
          <button
            type="button"
            className={styles.framed}
            aria-disabled={sent.isFetchingNextPage}
            onClick={() => !sent.isFetchingNextPage && void sent.fetchNextPage()}
          >
            {t('older')}
          </button>
        )}
      </div>
    </Page>
  );
}
