// SPDX-License-Identifier: Apache-2.0
/** Whose study or studies a page shows: the way back, the name, and facts in one line. */
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useTranslations } from 'use-intl';
import { Icon } from '../shell/Icon';
import type { Address } from '../studies/address';
import { personName } from '../studies/dicom';
import { type Fact, Facts } from './Facts';
import styles from './study.module.css';

interface Props {
  /** Where the list is that the way back leads to; left out: all studies. */
  back?: Address;
  /** As DICOM has it; empty: the study says none. */
  patientName: string;
  /** Beside the name. */
  children?: ReactNode;
  facts: Fact[];
}

export function Header({ back = {}, patientName, children, facts }: Props) {
  const t = useTranslations('study');
  const isPart = Object.keys(back).length > 0;
  return (
    <header className={styles.header}>
      <Link
        to="/"
        search={back}
        className={styles.back}
        aria-label={t(isPart ? 'toList' : 'toStudies')}
      >
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
