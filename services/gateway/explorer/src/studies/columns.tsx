// SPDX-License-Identifier: Apache-2.0
/** What is in each column of the list, how wide it is, what sorts by it. */
import type { ReactNode } from 'react';
import { timeFormat } from '../formats';
import { Icon } from '../shell/Icon';
import type { SortColumn } from './address';
import type { ColumnId } from './chosen';
import styles from './columns.module.css';
import { dateText, dateTimeText, personName, sizeText } from './dicom';
import { Picture } from './Picture';
import type { Row } from './search';

export interface Spoken {
  locale: string;
  say: (key: 'arriving' | 'protected' | 'noName') => string;
}

interface Column {
  /** In rem. */
  width: number;
  sort?: SortColumn;
  /** Numbers stand below each other. */
  end?: boolean;
  show: (row: Row, spoken: Spoken) => ReactNode;
}

export const COLUMN: Record<ColumnId, Column> = {
  name: {
    width: 12,
    sort: 'name',
    show: (row, { say }) => personName(row.patientName) || say('noName'),
  },
  id: { width: 6, sort: 'id', show: (row) => row.patientId },
  birthDate: {
    width: 6.8,
    sort: 'birthDate',
    show: (row, { locale }) => dateText(row.birthDate, locale),
  },
  sex: { width: 3.5, show: (row) => row.sex },
  date: {
    width: 10,
    sort: 'date',
    show: (row, { locale }) => dateTimeText(row.date, row.time, locale),
  },
  modalities: {
    width: 6.4,
    show: (row) =>
      row.modalities.map((one) => (
        <span key={one} className={styles.modality}>
          {one}
        </span>
      )),
  },
  description: { width: 10, sort: 'description', show: (row) => row.description },
  accession: { width: 6, sort: 'accession', show: (row) => row.accession },
  series: {
    width: 4.5,
    sort: 'series',
    end: true,
    show: (row, { locale }) => row.series.toLocaleString(locale),
  },
  instances: {
    width: 6.4,
    sort: 'instances',
    end: true,
    show: (row, { locale }) => (
      <>
        <span className={styles.of}>{row.series} / </span>
        {row.instances.toLocaleString(locale)}
      </>
    ),
  },
  size: {
    width: 5.2,
    sort: 'size',
    end: true,
    show: (row, { locale }) => sizeText(row.size, locale),
  },
  origin: { width: 6.5, show: (row) => row.origins.join(', ') },
  labels: {
    width: 7,
    show: (row) =>
      row.labels.map((one) => (
        <span key={one} className={styles.label}>
          {one}
        </span>
      )),
  },
  state: {
    width: 6.5,
    show: (row, { say }) => (
      <>
        {row.arriving && (
          <span className={styles.arriving}>
            <Icon name="clock" size={14} />
            {say('arriving')}
          </span>
        )}
        {row.protected && (
          <span className={styles.protected}>
            <Icon name="lock" size={14} />
            {say('protected')}
          </span>
        )}
      </>
    ),
  },
  lastUpdate: {
    width: 10.5,
    sort: 'lastUpdate',
    show: (row, { locale }) => {
      const made = new Date(row.lastUpdate);
      return Number.isNaN(made.getTime())
        ? row.lastUpdate
        : timeFormat(locale, { dateStyle: 'short', timeStyle: 'short' }).format(made);
    },
  },
  picture: { width: 3.5, show: (row) => <Picture key={row.id} study={row.id} /> },
  studyUid: { width: 20, show: (row) => row.studyUid },
};
