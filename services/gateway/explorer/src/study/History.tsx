// SPDX-License-Identifier: Apache-2.0
/** What happened to a study: the jobs that were about it, and where it was sent. */
import { useQuery } from '@tanstack/react-query';
import { useFormatter, useTranslations } from 'use-intl';
import { get } from '../api/client';
import { Failure } from '../shell/Failure';
import type { SeriesAnswer, StudyAnswer } from './queries';
import styles from './study.module.css';

interface Job {
  ID: string;
  Type: string;
  State: string;
  Progress: number;
  CreationTime: string;
  ErrorDetails?: string;
  Content: unknown;
}

interface Export {
  Seq: number;
  Date: string;
  ID: string;
  RemoteModality: string;
  ResourceType: string;
}

const MOST = 1000;

/** `20260514T101233` in UTC. */
function momentOf(value: string): Date {
  const [, y, m, d, h, min, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)/.exec(value) ?? [];
  return new Date(`${y}-${m}-${d}T${h}:${min}:${s}Z`);
}

export function History({ study, series }: { study: StudyAnswer; series: SeriesAnswer[] }) {
  const t = useTranslations('study');
  const format = useFormatter();
  const ids = [study.ID, study.ParentPatient, ...series.map(({ ID }) => ID)];
  const jobs = useQuery({
    queryKey: ['study', study.ID, 'jobs'],
    queryFn: async ({ signal }) => {
      const all = await get<Job[]>('/jobs?expand', { signal });
      return all.filter((job) => {
        const content = JSON.stringify(job.Content);
        return ids.some((id) => content.includes(id));
      });
    },
  });
  const exports = useQuery({
    queryKey: ['study', study.ID, 'exports'],
    queryFn: async ({ signal }) => {
      const { Last } = await get<{ Last: number }>('/exports?last', { signal });
      const since = Math.max(0, Last - MOST);
      const page = await get<{ Exports: Export[] }>(`/exports?since=${since}&limit=${MOST}`, {
        signal,
      });
      const known = new Set(ids);
      return page.Exports.filter(({ ID }) => known.has(ID));
    },
  });
  const error = jobs.error ?? exports.error;
  if (error) return <Failure error={error} retry={() => void jobs.refetch()} />;
  const when = (value: string) => {
    const moment = momentOf(value);
    return Number.isNaN(moment.getTime())
      ? value
      : format.dateTime(moment, { dateStyle: 'medium', timeStyle: 'short' });
  };
  const rows = [
    ...(jobs.data ?? []).map((job) => ({
      key: job.ID,
      at: job.CreationTime,
      what: job.Type,
      how: job.ErrorDetails
        ? `${job.State}: ${job.ErrorDetails}`
        : `${job.State} ${job.Progress} %`,
    })),
    ...(exports.data ?? []).map((one) => ({
      key: `export-${one.Seq}`,
      at: one.Date,
      what: t('sentTo', { level: one.ResourceType, name: one.RemoteModality }),
      how: '',
    })),
    { key: 'update', at: study.LastUpdate, what: t('lastUpdate'), how: '' },
  ].sort((a, b) => b.at.localeCompare(a.at));
  return (
    <table className={styles.table}>
      <thead>
        <tr>
          <th scope="col">{t('when')}</th>
          <th scope="col">{t('what')}</th>
          <th scope="col">{t('how')}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.key}>
            <td>{when(row.at)}</td>
            <td>{row.what}</td>
            <td>{row.how}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
