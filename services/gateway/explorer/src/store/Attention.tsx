// SPDX-License-Identifier: Apache-2.0
import { Link } from '@tanstack/react-router';
import { useLocale } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import type { ServicesPresent, StoreState } from '../api/schema';
import { useJobTexts } from '../jobs/texts';
import { Icon } from '../shell/Icon';
import { sizeText } from '../studies/dicom';
import { type Concern, concerns, type JobsState } from './attention';
import styles from './store.module.css';

/** What the index calls its warning of what it could not index. */
const LETTERS = 'dead letters';

interface Props {
  services: ServicesPresent | undefined;
  store: StoreState | undefined;
  jobs: JobsState | undefined;
}

/** What somebody should look at; that all is well is said only once everybody was asked. */
export function Attention({ services, store, jobs }: Props) {
  const t = useTranslations('store');
  const found = concerns(services, store, jobs);
  if (!services || (!jobs && found.length === 0)) return null;
  return (
    <section className={styles.section} aria-labelledby="store-attention">
      <h2 id="store-attention">{t('attention')}</h2>
      {found.length === 0 ? (
        <p className={styles.well}>
          <Icon name="check" />
          {t('allWell')}
        </p>
      ) : (
        <ul className={styles.concerns}>
          {found.map((one) => (
            <li key={one.key} data-bad={one.bad || undefined}>
              <span className={styles.grade}>{t(one.bad ? 'bad' : 'look')}</span>
              <Words concern={one} store={store} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Words({ concern, store }: { concern: Concern; store: StoreState | undefined }) {
  const t = useTranslations('store');
  const { locale } = useLocale();
  const texts = useJobTexts();
  const { kind, service = '', name = '', text = '', count = 0, undelivered } = concern;
  const disk = store?.disk;
  const sizes = {
    free: sizeText(disk?.free ?? 0, locale),
    needed: sizeText(disk?.needed ?? 0, locale),
  };
  if (kind === 'silent') return <span>{t('silent', { service })}</span>;
  if (kind === 'versions') return <span>{t('versions', { versions: text })}</span>;
  if (kind === 'full') return <span>{t('full', sizes)}</span>;
  if (kind === 'filling') return <span>{t('filling', sizes)}</span>;
  if (undelivered) {
    const { destination, since, causes } = undelivered;
    const to = texts.nameOf(destination);
    return (
      <span>
        {t('undelivered', { count: undelivered.count, to, since: texts.moment(since) })}{' '}
        <bdi>{causes[0]?.cause}</bdi>{' '}
        <Link to="/operate/routing/dead" search={{ destination }}>
          {t('seeUndelivered')}
        </Link>
      </span>
    );
  }
  if (kind === 'retried' || kind === 'failed') {
    return (
      <span>
        {t(kind, { count })}{' '}
        <Link to="/jobs" search={{ state: kind === 'retried' ? 'Retry' : 'Failure' }}>
          {t('seeJobs')}
        </Link>
      </span>
    );
  }
  return (
    <span>
      {t('told', { service, name })} <span lang="en">{text}</span>{' '}
      {name === LETTERS && <Link to="/operate/unindexed">{t('seeLetters')}</Link>}
    </span>
  );
}
