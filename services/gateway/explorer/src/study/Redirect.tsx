// SPDX-License-Identifier: Apache-2.0
/** Addresses that stay the same: by UID, by accession number, by identifier of a series or instance. */
import { useQuery } from '@tanstack/react-query';
import { Link, Navigate, useParams, useSearch } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useTranslations } from 'use-intl';
import { post } from '../api/client';
import { useMay } from '../api/session';
import { Page } from '../shell/Page';
import { Missing } from './Missing';
import { instanceQuery, seriesQuery } from './queries';
import styles from './study.module.css';

interface ToldProps {
  error: Error | null;
  /** The resource that was asked for, by its identifier. */
  id?: string;
  text: string;
  children?: ReactNode;
}

function Told({ error, id = '', text, children }: ToldProps) {
  const t = useTranslations('study');
  return (
    <Page title={error ? t('title') : text}>
      {error && <Missing id={id} error={error} />}
      {children}
    </Page>
  );
}

export function SeriesRedirect() {
  const t = useTranslations('study');
  const { id } = useParams({ from: '/shell/series/$id' });
  const search = useSearch({ from: '/shell/series/$id' });
  const { data, error } = useQuery(seriesQuery(id));
  if (!data) return <Told id={id} error={error} text={t('loading')} />;
  return (
    <Navigate
      to="/studies/$id"
      params={{ id: data.ParentStudy }}
      search={{ ...search, series: id }}
      replace
    />
  );
}

export function InstanceRedirect() {
  const t = useTranslations('study');
  const { id } = useParams({ from: '/shell/instances/$id' });
  const search = useSearch({ from: '/shell/instances/$id' });
  const instance = useQuery(instanceQuery(id));
  const parent = instance.data?.ParentSeries ?? '';
  const series = useQuery({ ...seriesQuery(parent), enabled: parent !== '' });
  const error = instance.error ?? series.error;
  if (!series.data) return <Told id={id} error={error} text={t('loading')} />;
  return (
    <Navigate
      to="/studies/$id"
      params={{ id: series.data.ParentStudy }}
      search={{ tab: 'tags', ...search, series: parent, instance: id }}
      replace
    />
  );
}

/** The studies with a UID or accession number: the only one at once, several to choose from. */
function Found({ name, value }: { name: 'StudyInstanceUID' | 'AccessionNumber'; value: string }) {
  const t = useTranslations('study');
  const may = useMay();
  const { data, error } = useQuery({
    queryKey: ['found', name, value],
    queryFn: async ({ signal }) =>
      // A pattern, or a list, would find others than the one that is named.
      /[*?\\]/.test(value)
        ? []
        : post<string[]>(
            '/tools/find',
            { Level: 'Study', Query: { [name]: value }, CaseSensitive: true, Limit: 2 },
            { signal },
          ),
  });
  const [first] = data ?? [];
  if (!data) return <Told error={error} text={t('loading')} />;
  const search = name === 'AccessionNumber' ? { accession: value } : { studyUid: value };
  if (!first) {
    return (
      <Told error={null} text={t('notHere', { value })}>
        {may('query') && (
          <p className={styles.quietText}>
            <Link to="/remote/{-$names}" search={search}>
              {t('askElsewhere')}
            </Link>
          </p>
        )}
      </Told>
    );
  }
  if (data.length > 1) {
    return <Navigate to="/" search={search} replace />;
  }
  return <Navigate to="/studies/$id" params={{ id: first }} replace />;
}

export function UidRedirect() {
  const { uid } = useParams({ from: '/shell/uid/$uid' });
  return <Found name="StudyInstanceUID" value={uid} />;
}

export function AccessionRedirect() {
  const { number } = useParams({ from: '/shell/accession/$number' });
  return <Found name="AccessionNumber" value={number} />;
}
