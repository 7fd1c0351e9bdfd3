// SPDX-License-Identifier: Apache-2.0
/** The series of a study by their middle pictures. */
import { Link } from '@tanstack/react-router';
import { useTranslations } from 'use-intl';
import type { SeriesAnswer } from './queries';
import styles from './study.module.css';
import { Thumbnail } from './Thumbnail';

export function Images({ series, chosen }: { series: SeriesAnswer[]; chosen: string | undefined }) {
  const t = useTranslations('study');
  return (
    <ul className={styles.grid}>
      {series.map(({ ID, MainDicomTags: tags, Instances }) => {
        const name = tags.SeriesDescription || tags.ProtocolName || t('noDescription');
        return (
          <li key={ID}>
            <Link
              to="/view/$series"
              params={{ series: ID }}
              className={styles.card}
              data-chosen={ID === chosen || undefined}
            >
              <Thumbnail level="series" id={ID} modality={tags.Modality ?? ''} size={176} />
              <span className={styles.cardName} dir="auto">
                {tags.SeriesNumber && <b>{tags.SeriesNumber} </b>}
                {name}
              </span>
              <span className={styles.cardFacts}>
                <span className={styles.modality}>{tags.Modality}</span>
                {t('instances', { count: Instances.length })}
              </span>
            </Link>
          </li>
        );
      })}
    </ul>
  );
}
