// SPDX-License-Identifier: Apache-2.0
/** What happened to a study: its changes, where it was sent, and the jobs about it, in one list. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { ToggleButton, ToggleButtonGroup } from 'react-aria-components';
import { useLocale, useTranslations } from 'use-intl';
import { get } from '../api/client';
import type { StudyEvent, StudyEvents } from '../api/schema';
import { timeFormat } from '../formats';
import { useJobTexts } from '../jobs/texts';
import { Failure } from '../shell/Failure';
import type { SeriesAnswer, StudyAnswer } from './queries';
import styles from './study.module.css';

const KINDS = ['change', 'sent', 'job'] as const;
const CHANGES = [
  'NewStudy',
  'NewSeries',
  'CompletedSeries',
  'StableStudy',
  'StableSeries',
  'UpdatedMetadata',
  'UpdatedAttachment',
  'ModifiedStudy',
  'ModifiedSeries',
  'AnonymizedStudy',
  'AnonymizedSeries',
] as const;
const UPDATES_EVERY = 5_000;

const isUnderWay = ({ state }: StudyEvent) => state === 'Running' || state === 'Pending';

export function History({ study, series }: { study: StudyAnswer; series: SeriesAnswer[] }) {
  const t = useTranslations('study');
  const jobs = useJobTexts();
  const locale = useLocale();
  const [kinds, setKinds] = useState<Set<string>>(() => new Set(KINDS));
  const history = useQuery({
    queryKey: ['study', study.ID, 'history'],
    queryFn: ({ signal }) =>
      get<StudyEvents>(`/explorer/api/studies/${study.ID}/history`, { signal }),
    refetchInterval: ({ state }) => (state.data?.events.some(isUnderWay) ? UPDATES_EVERY : false),
  });
  if (history.error) {
    return <Failure error={history.error} retry={() => void history.refetch()} />;
  }
  const nameOf = ({ level, id }: StudyEvent) => {
    if (level !== 'Series') return '';
    const tags = series.find(({ ID }) => ID === id)?.MainDicomTags;
    return [tags?.SeriesNumber, tags?.SeriesDescription].filter(Boolean).join(' ');
  };
  const what = (event: StudyEvent) => {
    if (event.kind === 'job') return t('job', { type: jobs.type(event.what) });
    if (event.kind === 'sent') {
      return t('sentLevel', {
        level: event.level ?? 'Study',
        count: event.count ?? 1,
        name: event.what,
      });
    }
    const known = CHANGES.find((one) => one === event.what);
    return known ? t(`change_${known}`, { name: nameOf(event) }) : event.what;
  };
  const result = ({ state, progress = 0, error }: StudyEvent) => {
    if (!state) return '';
    const told = t(`state_${state}`, { progress });
    return error ? `${told}: ${error}` : told;
  };
  const events = (history.data?.events ?? []).filter(({ kind }) => kinds.has(kind));
  return (
    <>
      <ToggleButtonGroup
        className={styles.kinds}
        aria-label={t('kinds')}
        selectionMode="multiple"
        disallowEmptySelection
        selectedKeys={kinds}
        onSelectionChange={(keys) => setKinds(keys as Set<string>)}
      >
        {KINDS.map((one) => (
          <ToggleButton key={one} id={one} className={styles.kind}>
            {t(`kind_${one}`)}
          </ToggleButton>
        ))}
      </ToggleButtonGroup>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">{t('when')}</th>
            <th scope="col">{t('what')}</th>
            <th scope="col">{t('how')}</th>
          </tr>
        </thead>
        <tbody>
          {events.map((event) => (
            <tr key={`${event.kind} ${event.at} ${event.what} ${event.id} ${event.job}`}>
              <td>
                <time dateTime={event.at}>
                  {timeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' }).format(
                    new Date(event.at),
                  )}
                </time>
              </td>
              <td>
                <bdi>{what(event)}</bdi>
              </td>
              <td>
                <bdi>{result(event)}</bdi>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {history.data && events.length === 0 && <p className={styles.quietText}>{t('noHistory')}</p>}
      {history.data?.more && <p className={styles.quietText}>{t('moreHistory')}</p>}
    </>
  );
}
