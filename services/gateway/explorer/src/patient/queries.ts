// SPDX-License-Identifier: Apache-2.0
/** What the page of a patient asks of the store. */
import { queryOptions } from '@tanstack/react-query';
import { get, post } from '../api/client';
import type { Statistics, StudyAnswer } from '../study/queries';

type Tags = Partial<Record<string, string>>;

export interface PatientAnswer {
  ID: string;
  MainDicomTags: Tags;
  /** All of them. */
  Studies: string[];
}

export interface StudyOfPatient extends StudyAnswer {
  RequestedTags: Tags;
}

const COUNTED = [
  'ModalitiesInStudy',
  'NumberOfStudyRelatedSeries',
  'NumberOfStudyRelatedInstances',
];

export const patientQuery = (id: string) =>
  queryOptions({
    queryKey: ['patient', id],
    queryFn: ({ signal }) => get<PatientAnswer>(`/patients/${id}`, { signal }),
  });

/** As many studies as are shown: a phantom may have thousands. */
export const SHOWN = 200;

/** The newest ones, newest first. */
export const studiesOfPatientQuery = (id: string) =>
  queryOptions({
    queryKey: ['patient', id, 'studies'],
    queryFn: ({ signal }) =>
      post<StudyOfPatient[]>(
        '/tools/find',
        {
          Level: 'Study',
          Query: {},
          ParentPatient: id,
          Expand: true,
          RequestedTags: COUNTED,
          OrderBy: ['StudyDate', 'StudyTime'].map((Key) => ({
            Type: 'DicomTag',
            Key,
            Direction: 'DESC',
          })),
          Limit: SHOWN,
        },
        { signal },
      ),
  });

export const patientStatisticsQuery = (id: string) =>
  queryOptions({
    queryKey: ['patient', id, 'statistics'],
    queryFn: ({ signal }) =>
      get<Statistics & { CountStudies: number }>(`/patients/${id}/statistics`, { signal }),
  });
