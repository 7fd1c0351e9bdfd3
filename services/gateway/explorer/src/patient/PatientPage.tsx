// SPDX-License-Identifier: Apache-2.0
/** A patient: who it is, all studies of it, what can be done with all of them. */
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useLocale, useTranslations } from 'use-intl';
import { Page } from '../shell/Page';
import { useDeletions } from '../studies/deletions';
import { personName, sizeText } from '../studies/dicom';
import { Actions } from '../study/Actions';
import { bornText } from '../study/Facts';
import { Header } from '../study/Header';
import { Missing } from '../study/Missing';
import styles from '../study/study.module.css';
import own from './patient.module.css';
import {
  type PatientAnswer,
  patientQuery,
  patientStatisticsQuery,
  type StudyOfPatient,
  studiesOfPatientQuery,
} from './queries';
import { StudyCard } from './StudyCard';

export function PatientPage() {
  const t = useTranslations('patient');
  const told = useTranslations('study');
  const { id } = useParams({ from: '/shell/patients/$id' });
  const patient = useQuery(patientQuery(id));
  const studies = useQuery(studiesOfPatientQuery(id));
  const tags = patient.data?.MainDicomTags;
  const title = personName(tags?.PatientName ?? '') || tags?.PatientID || t('title');
  const error = patient.error ?? studies.error;
  return (
    <Page title={title} quiet>
      {error ? (
        <div className={styles.failure}>
          <Missing
            id={id}
            error={error}
            retry={() => void Promise.all([patient.refetch(), studies.refetch()])}
          />
        </div>
      ) : patient.data && studies.data ? (
        <Patient key={id} patient={patient.data} studies={studies.data} />
      ) : (
        <p className={styles.quietText}>{told('loading')}</p>
      )}
    </Page>
  );
}

function Patient({ patient, studies }: { patient: PatientAnswer; studies: StudyOfPatient[] }) {
  const t = useTranslations('patient');
  const locale = useLocale();
  const { hidden } = useDeletions();
  const { data: sums } = useQuery(patientStatisticsQuery(patient.ID));
  const { MainDicomTags: tags } = patient;
  const shown = studies.filter(({ ID }) => !hidden.has(ID));
  const ids = patient.Studies.filter((one) => !hidden.has(one));
  const facts = [
    tags.PatientID,
    bornText(tags.PatientSex, tags.PatientBirthDate, locale),
    sums &&
      t('size', {
        studies: sums.CountStudies,
        series: sums.CountSeries ?? 0,
        instances: sums.CountInstances ?? 0,
        size: sizeText(Number(sums.DicomDiskSize), locale),
      }),
  ];
  return (
    <div className={styles.study}>
      <Header patientName={tags.PatientName ?? ''} facts={facts} />
      <Actions
        level="patients"
        id={patient.ID}
        patient={patient.ID}
        ids={ids}
        link={`/explorer/patients/${patient.ID}`}
        linkCopied={t('linkCopied')}
        labelled={studiesOfPatientQuery(patient.ID).queryKey}
        name={t('actions')}
      />
      <section className={own.studies} aria-labelledby="patient-studies">
        <h2 id="patient-studies">{t('studies')}</h2>
        <p className={styles.quietText}>{t(tags.PatientID ? 'sameId' : 'noId')}</p>
        <ul className={own.list}>
          {shown.map((study) => (
            <li key={study.ID}>
              <StudyCard study={study} />
            </li>
          ))}
        </ul>
        {ids.length > shown.length && (
          <p className={styles.quietText}>
            {t('more', { shown: shown.length, count: ids.length })}{' '}
            {tags.PatientID && (
              <Link to="/" search={{ patientId: tags.PatientID }}>
                {t('inList')}
              </Link>
            )}
          </p>
        )}
        {shown.length === 0 && <p className={styles.quietText}>{t('none')}</p>}
      </section>
    </div>
  );
}
