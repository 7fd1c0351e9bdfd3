// SPDX-License-Identifier: Apache-2.0
/** The series of the study beside the picture. */
import { Link } from '@tanstack/react-router';
import { useTranslations } from 'use-intl';
import type { SeriesAnswer } from '../study/queries';
import { Thumbnail } from '../study/Thumbnail';
import styles from './view.module.css';

export function SeriesStrip({ series, chosen }: { series: SeriesAnswer[]; chosen: string }) {
  const t = useTranslations('view');
  return (
    <nav className={styles.strip} aria-label={t('seriesOfStudy')}>
      {series.map(({ ID, MainDicomTags: tags, Instances }) => (
        <Link
          key={ID}
          to="/view/$series"
          params={{ series: ID }}
          className={styles.other}
          aria-current={ID === chosen ? 'true' : undefined}
        >
          <Thumbnail level="series" id={ID} modality={tags.Modality ?? ''} size={96} />
          <span className={styles.caption} dir="auto">
            {[tags.SeriesNumber, tags.SeriesDescription || tags.Modality].filter(Boolean).join(' ')}
          </span>
          <span className={styles.count}>{Instances.length}</span>
        </Link>
      ))}
    </nav>
  );
}
