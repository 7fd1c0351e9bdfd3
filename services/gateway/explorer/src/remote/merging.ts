// SPDX-License-Identifier: Apache-2.0
/** Answers of several archives as one table, and how much of each study is here. */
import type { HeldStudy } from '../api/schema';
import type { Sort } from './address';

/** An answer to a C-FIND, as the store shows it. */
export type Answer = Record<string, unknown>;

export interface Source {
  remote: string;
  /** Null where the archive does not count. */
  series: number | null;
  instances: number | null;
}

export interface Row {
  /** Of the study and its patient: two archives may have given one UID to different patients. */
  key: string;
  studyUid: string;
  patientId: string;
  patientName: string;
  birthDate: string;
  sex: string;
  date: string;
  time: string;
  modalities: string[];
  description: string;
  accession: string;
  /** Where it is found, in the order in which these were asked. */
  sources: Source[];
}

export const textOf = (answer: Answer, name: string): string => {
  const value = answer[name];
  return typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : '';
};

export function numberOf(answer: Answer, name: string): number | null {
  const text = textOf(answer, name);
  return /^\d+$/.test(text) ? Number(text) : null;
}

export const keyOf = (studyUid: string, patientId: string) => `${studyUid} ${patientId}`;

/** The row that an address names: of this very patient, else the first of this study. */
export const openedOf = (rows: readonly Row[], open: string | undefined): Row | undefined =>
  rows.find(({ key }) => key.trim() === open) ?? rows.find(({ studyUid }) => studyUid === open);

/** One row for each study; what a first archive leaves empty the next one may tell. */
export function merge(answered: readonly { remote: string; answers: readonly Answer[] }[]): Row[] {
  const rows = new Map<string, Row>();
  for (const { remote, answers } of answered) {
    for (const answer of answers) {
      const studyUid = textOf(answer, 'StudyInstanceUID');
      if (!studyUid) continue; // nothing could be retrieved by it: `nameless` counts them
      const patientId = textOf(answer, 'PatientID');
      const told: Row = {
        key: keyOf(studyUid, patientId),
        studyUid,
        patientId,
        patientName: textOf(answer, 'PatientName'),
        birthDate: textOf(answer, 'PatientBirthDate'),
        sex: textOf(answer, 'PatientSex'),
        date: textOf(answer, 'StudyDate'),
        time: textOf(answer, 'StudyTime'),
        modalities: textOf(answer, 'ModalitiesInStudy').split('\\').filter(Boolean),
        description: textOf(answer, 'StudyDescription'),
        accession: textOf(answer, 'AccessionNumber'),
        sources: [],
      };
      const row = rows.get(told.key) ?? told;
      for (const name of ['patientName', 'birthDate', 'sex', 'date', 'time'] as const)
        row[name] ||= told[name];
      for (const name of ['description', 'accession'] as const) row[name] ||= told[name];
      row.modalities = [...new Set([...row.modalities, ...told.modalities])];
      if (!row.sources.some((one) => one.remote === remote))
        row.sources.push({
          remote,
          series: numberOf(answer, 'NumberOfStudyRelatedSeries'),
          instances: numberOf(answer, 'NumberOfStudyRelatedInstances'),
        });
      rows.set(told.key, row);
    }
  }
  return [...rows.values()];
}

/** Answers that do not say which study they are of. */
export const nameless = (answers: readonly Answer[]): number =>
  answers.filter((answer) => !textOf(answer, 'StudyInstanceUID')).length;

/** The archive that has most of a study; among equals the one that was named first. */
export function bestSource(row: Row): Source | undefined {
  return row.sources.reduce<Source | undefined>(
    (best, one) => (best && (best.instances ?? 0) >= (one.instances ?? 0) ? best : one),
    undefined,
  );
}

/** Images that the archive with most of them has; null where none counts. */
export const mostImages = (row: Row): number | null => bestSource(row)?.instances ?? null;

export type Presence =
  | { state: 'unknown' }
  | { state: 'not' }
  | { state: 'partly' | 'here' | 'uncounted'; here: number; of: number | null };

/**
 * How much of so many images is here. Who does not count leaves open whether that is all.
 * `undefined`: the store has not been asked yet; null: it has nothing of it.
 */
export function presenceOf(of: number | null, here: number | null | undefined): Presence {
  if (here === undefined) return { state: 'unknown' };
  if (!here) return { state: 'not' };
  if (of === null) return { state: 'uncounted', here, of };
  return { state: here >= of ? 'here' : 'partly', here, of };
}

/** Whether what is here under the UID is of another patient. */
export const isOthers = (row: Row, held: HeldStudy | null | undefined): boolean =>
  !!held && held.patientId.trim() !== row.patientId;

export function sorted(rows: readonly Row[], sort: Sort): Row[] {
  const by = sort.replace(/^-/, '');
  const sign = sort.startsWith('-') ? -1 : 1;
  const value = (row: Row): string | number => {
    switch (by) {
      case 'name':
        return row.patientName.toLocaleLowerCase();
      case 'patientId':
        return row.patientId;
      case 'description':
        return row.description.toLocaleLowerCase();
      case 'accession':
        return row.accession;
      case 'images':
        return mostImages(row) ?? -1;
      default:
        return `${row.date.replaceAll('.', '')} ${row.time.replaceAll(':', '')}`;
    }
  };
  const compared = rows.map((row) => ({ row, value: value(row) }));
  compared.sort((a, b) => {
    if (a.value !== b.value) return a.value < b.value ? -sign : sign;
    return a.row.key < b.row.key ? -1 : 1;
  });
  return compared.map(({ row }) => row);
}
