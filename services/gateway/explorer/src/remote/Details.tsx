// SPDX-License-Identifier: Apache-2.0
/** One study of the table: where it is found, and its series, each of which can be fetched alone. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { Button } from 'react-aria-components';
import { useLocale, useTranslations } from 'use-intl';
import type { HeldStudy } from '../api/schema';
import { useMay } from '../api/session';
import { Failure } from '../shell/Failure';
import { Icon } from '../shell/Icon';
import { dateTimeText, personName } from '../studies/dicom';
import peek from '../studies/peek.module.css';
import { seriesQuery } from './asking';
import { heldSeriesQuery } from './held';
import {
  type Answer,
  bestSource,
  isOthers,
  numberOf,
  presenceOf,
  type Row,
  textOf,
} from './merging';
import { RetrieveButton } from './RetrieveButton';
import styles from './remote.module.css';
import type { Remote } from './retrievals';
import { State } from './State';

interface Props {
  row: Row;
  remotes: readonly Remote[];
  held: HeldStudy | null | undefined;
  onClose: () => void;
}

export function Details({ row, remotes, held, onClose }: Props) {
  const t = useTranslations('remote');
  const locale = useLocale();
  const may = useMay();
  const heading = useRef<HTMLHeadingElement>(null);
  const name = personName(row.patientName) || t('noName');
  // biome-ignore lint/correctness/useExhaustiveDependencies: with each study that is opened
  useEffect(() => heading.current?.focus({ preventScroll: true }), [row.key]);
  const best = bestSource(row);
  return (
    <aside
      className={`${peek.peek} ${styles.about}`}
      aria-label={t('details')}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        event.stopPropagation();
        onClose();
      }}
    >
      <header className={peek.head}>
        <h2 ref={heading} tabIndex={-1} dir="auto">
          {name}
        </h2>
        <Button className={peek.close} aria-label={t('close')} onPress={onClose}>
          <Icon name="close" size={16} />
        </Button>
      </header>
      <p className={styles.soft} dir="auto">
        {[row.patientId, dateTimeText(row.date, row.time, locale), row.description]
          .filter(Boolean)
          .join(' · ')}
      </p>
      {held && (
        <p>
          {isOthers(row, held) && (
            <span className={styles.partly}>
              {t('othersHere', { patient: held.patientId || '–' })}
            </span>
          )}{' '}
          <Link to="/studies/$id" params={{ id: held.id }}>
            {t('openHere')}
          </Link>
        </p>
      )}
      <h3>{t('sources')}</h3>
      <ul className={styles.places}>
        {row.sources.map((source) => {
          const remote = remotes.find((one) => one.name === source.remote);
          return (
            <li key={source.remote}>
              <b dir="auto">{source.remote}</b>
              <span className={styles.soft}>
                {t('counts', {
                  series: source.series?.toLocaleString(locale) ?? t('uncounted'),
                  images: source.instances?.toLocaleString(locale) ?? t('uncounted'),
                })}
              </span>
              {remote && may('retrieve') && (
                <RetrieveButton
                  name={name}
                  remote={remote}
                  target={row}
                  text={t('retrieveFrom', { name: source.remote })}
                />
              )}
            </li>
          );
        })}
      </ul>
      {best && <Series key={row.key} row={row} held={held} remotes={remotes} at={best.remote} />}
    </aside>
  );
}

interface SeriesProps {
  row: Row;
  held: HeldStudy | null | undefined;
  remotes: readonly Remote[];
  at: string;
}

function Series({ row, held, remotes, at }: SeriesProps) {
  const t = useTranslations('remote');
  const may = useMay();
  const { data: found, error, refetch, isFetching } = useQuery(seriesQuery(at, row.studyUid));
  const own = held && !isOthers(row, held) ? held.id : '';
  const { data: here, refetch: lookAgain } = useQuery({
    ...heldSeriesQuery(own),
    enabled: own !== '',
  });
  const images = held?.instances ?? 0;
  const seen = useRef(images);
  useEffect(() => {
    // Images have come since: of which series, the store knows.
    if (seen.current !== images && own) void lookAgain();
    seen.current = images;
  }, [images, own, lookAgain]);
  const remote = remotes.find(({ name }) => name === at);
  const known = held === null || (held !== undefined && !own) || here !== undefined;
  return (
    <>
      <h3>{t('seriesOf', { name: at })}</h3>
      {error && !isFetching && <Failure error={error} retry={() => void refetch()} />}
      {isFetching && <p className={styles.soft}>{t('loading', { name: at })}</p>}
      {found?.length === 0 && <p className={styles.soft}>{t('noSeries')}</p>}
      <ul className={styles.series}>
        {inOrder(found ?? []).map((answer) => {
          const uid = textOf(answer, 'SeriesInstanceUID');
          const count = numberOf(answer, 'NumberOfSeriesRelatedInstances');
          const title = textOf(answer, 'SeriesDescription') || t('noDescription');
          return (
            <li key={uid}>
              <span className={styles.modality}>{textOf(answer, 'Modality')}</span>
              <span className={styles.seriesName} dir="auto">
                <b>{textOf(answer, 'SeriesNumber')}</b> {title}
                <span className={styles.soft}>
                  {count === null ? t('uncounted') : t('images', { count })}
                </span>
              </span>
              <State presence={presenceOf(count, known ? (here?.get(uid) ?? null) : undefined)} />
              {remote && may('retrieve') && (
                <RetrieveButton
                  name={title}
                  remote={remote}
                  target={{ key: row.key, studyUid: row.studyUid, seriesUid: uid }}
                />
              )}
            </li>
          );
        })}
      </ul>
    </>
  );
}

/** Those that name themselves, by their number. */
function inOrder(answers: readonly Answer[]): Answer[] {
  const number = (one: Answer) => numberOf(one, 'SeriesNumber') ?? Number.MAX_SAFE_INTEGER;
  return answers
    .filter((one) => textOf(one, 'SeriesInstanceUID'))
    .sort((a, b) => number(a) - number(b));
}
