// SPDX-License-Identifier: Apache-2.0
/** The pictures of a series: one at a time, in order, as the file says or as one wants to see them. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { useTranslations } from 'use-intl';
import { ApiError } from '../api/client';
import { useNotices } from '../shell/notices';
import { Page } from '../shell/Page';
import { personName } from '../studies/dicom';
import { Missing } from '../study/Missing';
import { orderQuery, seriesOfStudyQuery, seriesQuery, studyQuery } from '../study/queries';
import { isGone, startOf, windowOf } from './address';
import { SeriesStrip } from './SeriesStrip';
import { Stage } from './Stage';
import { Toolbar } from './Toolbar';
import { useViewerKeys } from './useViewerKeys';
import styles from './view.module.css';
import { Viewer } from './viewer';

export function ViewPage() {
  const t = useTranslations('view');
  const { series: id } = useParams({ from: '/shell/view/$series' });
  const order = useQuery(orderQuery(id));
  const series = useQuery(seriesQuery(id));
  const studyId = series.data?.ParentStudy ?? '';
  const study = useQuery({ ...studyQuery(studyId), enabled: studyId !== '' });
  const all = useQuery({ ...seriesOfStudyQuery(studyId), enabled: studyId !== '' });
  const viewer = useViewer(id);

  const tags = series.data?.MainDicomTags;
  const name = tags?.SeriesDescription || tags?.Modality || t('series');
  const patient = personName(study.data?.PatientMainDicomTags.PatientName ?? '');
  const error = order.error ?? series.error;
  return (
    <Page title={[name, patient].filter(Boolean).join(' · ')} quiet>
      {error ? (
        <div className={styles.failure}>
          <Missing id={id} error={error} retry={() => void order.refetch()} />
        </div>
      ) : (
        <div className={styles.view} data-theme="dark">
          {viewer && tags ? (
            <>
              <Toolbar
                viewer={viewer}
                series={name}
                modality={tags.Modality ?? ''}
                studyId={studyId}
                seriesId={id}
              />
              <Keys viewer={viewer} modality={tags.Modality ?? ''} all={all.data ?? []} id={id} />
              <SeriesStrip series={all.data ?? []} chosen={id} />
              <Stage viewer={viewer} name={name} study={study.data} series={series.data} />
            </>
          ) : (
            <p className={styles.loading}>{t('loading')}</p>
          )}
        </div>
      )}
    </Page>
  );
}

function Keys(props: Parameters<typeof useViewerKeys>[0]) {
  useViewerKeys(props);
  return null;
}

/** The viewer of a series, from the moment its order is known; a new one where the series changed. */
function useViewer(id: string): Viewer | null {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const t = useTranslations('view');
  const { show } = useNotices();
  const { data: order } = useQuery(orderQuery(id));
  const search = useSearch({ from: '/shell/view/$series' });
  const [viewer, setViewer] = useState<Viewer | null>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the address says where to begin, and follows then
  useEffect(() => {
    if (!order || order.Total === 0) return;
    const start = { slice: startOf(search, order), window: windowOf(search) };
    const made = new Viewer(id, order, start);
    if (isGone(search, order)) show({ text: t('gone'), bad: true });
    made.start();
    setViewer(made);
    return () => {
      made.close();
      setViewer(null);
    };
  }, [id, order?.Content]);

  useEffect(() => {
    if (!viewer) return;
    let told = '';
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = viewer.subscribe(() => {
      const { slice, display, chosen, error } = viewer.snapshot();
      if (error instanceof ApiError && error.status === 409) {
        void queries.invalidateQueries({ queryKey: orderQuery(id).queryKey });
      }
      const window = chosen && display ? display.window : null;
      const wanted = {
        slice: slice + 1,
        ...(window ? { wc: rounded(window.center), ww: rounded(window.width) } : {}),
      };
      if (JSON.stringify(wanted) === told) return;
      told = JSON.stringify(wanted);
      clearTimeout(timer);
      timer = setTimeout(
        () =>
          void navigate({
            to: '/view/$series',
            params: { series: id },
            search: wanted,
            replace: true,
            resetScroll: false,
          }),
        300,
      );
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [viewer, id, navigate, queries]);

  return viewer;
}

const rounded = (value: number) => Number(value.toPrecision(6));
