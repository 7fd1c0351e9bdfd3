// SPDX-License-Identifier: Apache-2.0
/** Whose study or studies a page shows: the way back, the name, and facts in one line. */
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useTranslations } from 'use-intl';
import { Icon } from '../shell/Icon';
import { personName } from '../studies/dicom';
import { type Fact, Facts } from './Facts';
import styles from './study.module.css';

interface Props {
  /** As DICOM has it; empty: the study says none. */
  patientName: string;
  /** Beside the name. */
  children?: ReactNode;
  facts: Fact[];
}

export function Header({ patientName, children, facts }: Props) {
  const t = useTranslations('study');
  return (
    <header className={styles.header}>
      <Link to="/" className={styles.back} aria-label={t('toStudies')}>
        <Icon name="chevronLeft" size={20} />
      </Link>
      <div className={styles.who}>
        <p className={styles.name} dir="auto">
          {personName(patientName) || t('noName')}
          {children}
        </p>
        <Facts className={styles.facts} facts={facts} />
      </div>
    </header>
  );
}
