// SPDX-License-Identifier: Apache-2.0
/** Asked only where much would go, more than is selected, or where something protected stays. */
import { useState } from 'react';
import { useLocale, useTranslations } from 'use-intl';
import { Modal } from '../shell/Modal';
import type { Plan } from './actions';
import styles from './Dialogs.module.css';
import { personName, sizeText } from './dicom';

const MANY_STUDIES = 100;
const MANY_INSTANCES = 10_000;

export const needsTyping = ({ studies, instances }: Plan) =>
  studies > MANY_STUDIES || instances > MANY_INSTANCES;

interface Props {
  plan: Plan;
  /** Protected ones that are known and left out. */
  held: number;
  /** Whether only a part of it is selected where this is asked. */
  ofPart?: boolean;
  onClose: () => void;
  onDelete: () => void;
}

export function DeleteDialog({ plan, held, ofPart, onClose, onDelete }: Props) {
  const t = useTranslations('deletions');
  const locale = useLocale();
  const [typed, setTyped] = useState('');
  const ask = needsTyping(plan);
  const right = !ask || typed.trim() === String(plan.studies);
  const blocked = !plan.studies
    ? t('nothing')
    : held !== plan.protectedStudies
      ? t('protectedUnknown')
      : right
        ? undefined
        : t('typeCount');
  return (
    <Modal
      title={t('title', { studies: plan.studies })}
      action={t('delete')}
      danger
      blocked={blocked}
      onAction={onDelete}
      onClose={onClose}
    >
      <p>
        {t('what', {
          patients: plan.patients,
          series: plan.series,
          instances: plan.instances,
          size: sizeText(plan.size, locale),
        })}
      </p>
      {ofPart && <p>{t('whole')}</p>}
      {plan.protectedStudies > 0 && (
        <div>
          <p>{t('protected', { studies: plan.protectedStudies })}</p>
          <ul className={styles.list}>
            {plan.protected.slice(0, 10).map(({ patient, patientName, patientId, studies }) => (
              <li key={patient}>
                <bdi>{personName(patientName) || patientId}</bdi>{' '}
                <span className={styles.soft}>
                  {patientId} · {t('studies', { studies })}
                </span>
              </li>
            ))}
          </ul>
        </div>
      )}
      {ask && (
        <div className={styles.field}>
          <label htmlFor="typed">{t('typeCountLabel', { studies: String(plan.studies) })}</label>
          <input
            id="typed"
            inputMode="numeric"
            autoComplete="off"
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
        </div>
      )}
    </Modal>
  );
}
