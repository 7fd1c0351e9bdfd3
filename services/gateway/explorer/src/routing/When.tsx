// SPDX-License-Identifier: Apache-2.0
/** What lists of rules show of one: whether it rests, and when it holds. */
import { useTranslations } from 'use-intl';
import styles from '../known/known.module.css';
import { writtenOf } from './rules';

export function Rests({ rule }: { rule: { Enabled?: boolean } }) {
  const t = useTranslations('routing');
  return rule.Enabled === false && <span className={styles.below}>{t('rests')}</span>;
}

export function When({ conditions }: { conditions: readonly unknown[] }) {
  const t = useTranslations('routing');
  if (conditions.length === 0) return t('always');
  return conditions.map(writtenOf).map((line) => (
    <bdi key={line} className={styles.line}>
      {line}
    </bdi>
  ));
}
