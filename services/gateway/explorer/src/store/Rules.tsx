// SPDX-License-Identifier: Apache-2.0
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useLocale } from 'react-aria-components';
import { useTranslations } from 'use-intl';
import type { StoreState } from '../api/schema';
import { useHas } from '../api/session';
import { Failure } from '../shell/Failure';
import { sizeText } from '../studies/dicom';
import { rulesQuery } from './queries';
import styles from './store.module.css';

/** What may go by itself and what keeps it, in words. */
export function Rules({ store }: { store: StoreState }) {
  const t = useTranslations('store');
  const { locale } = useLocale();
  const has = useHas();
  const { data, error } = useQuery({ ...rulesQuery, enabled: has('retention') });
  const rules = Object.entries(data ?? {});
  const most = sizeText(store.maximumBytes, locale);
  const limited = store.maximumBytes > 0 || store.maximumPatients > 0;
  return (
    <section className={styles.section} aria-labelledby="store-rules">
      <h2 id="store-rules">{t('goes')}</h2>
      {error && <Failure error={error} />}
      <ul className={styles.words}>
        {store.maximumBytes > 0 && <li>{t(`fullBytes_${store.whenFull}`, { most })}</li>}
        {store.maximumPatients > 0 && (
          <li>{t(`fullPatients_${store.whenFull}`, { most: store.maximumPatients })}</li>
        )}
        {data && !limited && rules.length === 0 && <li>{t('nothingGoes')}</li>}
        {rules.map(([name, rule]) => (
          <li key={name}>
            <bdi className={styles.name}>{name}</bdi>{' '}
            {t(rule.Delete === 'AfterKeepDays' ? 'ruleAfter' : 'ruleRoom', {
              days: rule.KeepDays,
              percent: store.roomPercent,
            })}{' '}
            <code>{JSON.stringify(rule.When)}</code>
            {!rule.Enabled && ` ${t('ruleRests')}`}
          </li>
        ))}
        <li>{t('protected')}</li>
      </ul>
      {has('retention') && <Link to="/operate/retention">{t('changeRules')}</Link>}
    </section>
  );
}
