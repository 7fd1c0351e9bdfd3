// SPDX-License-Identifier: Apache-2.0
/** The active study beside the list: what it is, and a picture of each series. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { Button } from 'react-aria-components';
import { useLocale, useTranslations } from 'use-intl';
import { Failure } from '../shell/Failure';
import { Icon } from '../shell/Icon';
import { bornText, Facts } from '../study/Facts';
import { Images } from '../study/Images';
import { seriesOfStudyQuery } from '../study/queries';
import { dateTimeText, personName, sizeText } from './dicom';
import styles from './peek.module.css';
import type { Row } from './search';

/** Milliseconds that a row is active before its pictures are asked for: who runs past sees no others. */
const PAUSE = 150;

export function Peek({ row, onClose }: { row: Row; onClose: () => void }) {
  const t = useTranslations('studies');
  const locale = useLocale();
  const [resting, setResting] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => setResting(row.id), PAUSE);
    return () => clearTimeout(timer);
  }, [row.id]);
  const series = useQuery({ ...seriesOfStudyQuery(resting), enabled: resting === row.id });
  const facts = [
    row.patientId,
    bornText(row.sex, row.birthDate, locale),
    dateTimeText(row.date, row.time, locale),
    row.description,
    row.accession,
    sizeText(row.size, locale),
  ];
  return (
    <aside className={styles.peek} aria-label={t('peek')}>
      <header className={styles.head}>
        <h2 dir="auto">{personName(row.patientName) || t('say_noName')}</h2>
        <Button className={styles.close} aria-label={t('peekClose')} onPress={onClose}>
          <Icon name="close" size={16} />
        </Button>
      </header>
      <Facts className={styles.facts} facts={facts} />
      <Link to="/studies/$id" params={{ id: row.id }}>
        {t('peekOpen')}
      </Link>
      {series.error && <Failure error={series.error} retry={() => void series.refetch()} />}
      {resting === row.id && series.data && <Images series={series.data} chosen={undefined} />}
    </aside>
  );
}
