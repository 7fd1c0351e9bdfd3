// SPDX-License-Identifier: Apache-2.0
/** Which studies a rule would let go now, and why others stay. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslations } from 'use-intl';
import { get } from '../api/client';
import styles from '../known/known.module.css';
import { Failure } from '../shell/Failure';
import { Icon } from '../shell/Icon';
import { personName } from '../studies/dicom';
import { type Judged, previewOf } from './retention';

export function Preview({ rule }: { rule: string }) {
  const t = useTranslations('retention');
  const { data, error, refetch } = useQuery({
    queryKey: ['retention', 'preview', rule],
    queryFn: ({ signal }) => previewOf(rule, signal),
    staleTime: 0,
  });
  return (
    <section className={styles.tester} aria-labelledby="preview">
      <h2 id="preview">{t('previewOf', { name: rule })}</h2>
      {error && <Failure error={error} retry={() => void refetch()} />}
      {!data && !error && <p className={styles.soft}>{t('looking')}</p>}
      {data && (
        <div role="status">
          <p>
            {t('would', {
              count: data.studies.filter(({ Goes }) => Goes).length,
              kept: data.studies.filter(({ Goes }) => !Goes).length,
            })}{' '}
            {data.more && t('moreStudies')}
          </p>
          <ul className={styles.verdicts}>
            {data.studies.map((one) => (
              <Study key={one.ID} study={one} />
            ))}
          </ul>
        </div>
      )}
    </section>
  );
}

interface Named {
  MainDicomTags: { StudyDate?: string; StudyDescription?: string };
  PatientMainDicomTags: { PatientName?: string; PatientID?: string };
}

function Study({ study: { ID, Goes, Kept } }: { study: Judged }) {
  const t = useTranslations('retention');
  const { data } = useQuery({
    queryKey: ['retention', 'study', ID],
    queryFn: ({ signal }) => get<Named>(`/studies/${ID}`, { signal }),
  });
  const patient = data?.PatientMainDicomTags;
  const name = [
    personName(patient?.PatientName ?? '') || patient?.PatientID,
    data?.MainDicomTags.StudyDate,
    data?.MainDicomTags.StudyDescription,
  ].filter(Boolean);
  return (
    <li className={Goes ? styles.bad : styles.soft}>
      <Icon name={Goes ? 'trash' : 'lock'} size={16} />
      <span>
        <Link to="/studies/$id" params={{ id: ID }} search={{}}>
          <bdi>{name.join(' · ') || ID}</bdi>
        </Link>{' '}
        {Goes ? t('goes') : t('stays')} {Kept && <bdi lang="en">{Kept}</bdi>}
      </span>
    </li>
  );
}
