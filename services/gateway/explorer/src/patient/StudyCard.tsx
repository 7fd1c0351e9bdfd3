// SPDX-License-Identifier: Apache-2.0
/** One study of a patient: its picture, when and what it was, how much is in it. */
import { Link } from '@tanstack/react-router';
import { useLocale, useTranslations } from 'use-intl';
import { dateTimeText } from '../studies/dicom';
import { Thumbnail } from '../study/Thumbnail';
import own from './patient.module.css';
import type { StudyOfPatient } from './queries';

export function StudyCard({ study }: { study: StudyOfPatient }) {
  const t = useTranslations('patient');
  const told = useTranslations('study');
  const locale = useLocale();
  const { MainDicomTags: tags, RequestedTags: counted } = study;
  const modalities = (counted.ModalitiesInStudy ?? '').split('\\').filter(Boolean);
  const facts = [
    tags.AccessionNumber && told('accession', { number: tags.AccessionNumber }),
    t('counts', {
      series: Number(counted.NumberOfStudyRelatedSeries ?? 0),
      instances: Number(counted.NumberOfStudyRelatedInstances ?? 0),
    }),
    study.IsStable ? '' : told('arriving'),
  ].filter(Boolean);
  return (
    <Link to="/studies/$id" params={{ id: study.ID }} className={own.card}>
      <Thumbnail level="studies" id={study.ID} modality={modalities[0] ?? ''} size={72} />
      <span className={own.texts}>
        <b dir="auto">
          {dateTimeText(tags.StudyDate ?? '', tags.StudyTime ?? '', locale) || t('noDate')}
        </b>
        <span dir="auto">{tags.StudyDescription || told('noDescription')}</span>
        <span className={own.soft} dir="auto">
          {[modalities.join(' '), ...facts, ...study.Labels].filter(Boolean).join(' · ')}
        </span>
      </span>
    </Link>
  );
}
