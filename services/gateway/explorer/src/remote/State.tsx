// SPDX-License-Identifier: Apache-2.0
/** Whether something is here, partly, or not; and how far it is on its way. */
import { useLocale, useTranslations } from 'use-intl';
import { Icon } from '../shell/Icon';
import type { Presence } from './merging';
import styles from './remote.module.css';
import type { Retrieval } from './retrievals';

export function State({
  presence,
  patient,
}: {
  presence: Presence;
  /** Of whom what is here is, where that is another one. */
  patient?: string | undefined;
}) {
  const t = useTranslations('remote');
  const locale = useLocale();
  if (presence.state === 'unknown') return <span className={styles.soft}>…</span>;
  if (presence.state === 'not') return <span className={styles.soft}>{t('state_not')}</span>;
  if (patient !== undefined)
    return <span className={styles.partly}>{t('othersHere', { patient: patient || '–' })}</span>;
  const here = presence.here.toLocaleString(locale);
  if (presence.state === 'here')
    return (
      <span className={styles.here}>
        <Icon name="check" size={14} />
        {t('state_here')}
      </span>
    );
  if (presence.state === 'uncounted')
    return <span title={t('state_uncountedWhat')}>{t('state_uncounted', { here })}</span>;
  const of = (presence.of ?? 0).toLocaleString(locale);
  return <span className={styles.partly}>{t('state_partly', { here, of })}</span>;
}

/** Of a retrieval that is under way, or failed. */
export function Progress({ retrieval }: { retrieval: Retrieval }) {
  const t = useTranslations('remote');
  if (retrieval.state === 'waiting') return <span className={styles.soft}>{t('waiting')}</span>;
  if (retrieval.state === 'failed')
    return (
      <span className={styles.failed} title={retrieval.why}>
        {t('failedShort')}
      </span>
    );
  return (
    <span className={styles.progress}>
      <progress max={100} value={retrieval.progress} aria-label={t('column_retrieve')} />
      {t('retrieving', { progress: Math.round(retrieval.progress) })}
    </span>
  );
}
