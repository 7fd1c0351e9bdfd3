// SPDX-License-Identifier: Apache-2.0
/** A study: what it has, what is in it, what can be done with it. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useCallback, useEffect } from 'react';
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components';
import { useLocale, useTranslations } from 'use-intl';
import { onGone } from '../live/live';
import { Icon, type IconName } from '../shell/Icon';
import { useShortcuts } from '../shell/keys';
import { useNotices } from '../shell/notices';
import { Page } from '../shell/Page';
import { dateTimeText, personName, sizeText } from '../studies/dicom';
import { besideStudy, listAround, lookAt } from '../studies/walk';
import { type Address, TABS, type Tab as TabName } from './address';
import { bornText } from './Facts';
import { Files } from './Files';
import { Header } from './Header';
import { History } from './History';
import { Images } from './Images';
import { Missing } from './Missing';
import {
  orderQuery,
  type SeriesAnswer,
  type StudyAnswer,
  seriesOfStudyQuery,
  statisticsQuery,
  studyQuery,
} from './queries';
import { StudyActions } from './StudyActions';
import styles from './study.module.css';
import { Tags } from './Tags';
import { Tree } from './Tree';

const ICONS: Record<TabName, IconName> = {
  images: 'image',
  tags: 'label',
  files: 'file',
  history: 'history',
};

export function StudyPage() {
  const t = useTranslations('study');
  const { id } = useParams({ from: '/shell/studies/$id' });
  const study = useQuery(studyQuery(id));
  const series = useQuery(seriesOfStudyQuery(id));
  const queries = useQueryClient();
  useEffect(
    () =>
      onGone((ids) => {
        if (ids.includes(id)) void queries.invalidateQueries({ queryKey: studyQuery(id).queryKey });
      }),
    [id, queries],
  );
  const patient = study.data?.PatientMainDicomTags;
  const title = personName(patient?.PatientName ?? '') || patient?.PatientID || t('title');
  const error = study.error ?? series.error;
  return (
    <Page title={title} quiet>
      {error && (
        <div className={styles.failure}>
          <Missing
            id={id}
            error={error}
            retry={() => void Promise.all([study.refetch(), series.refetch()])}
          />
        </div>
      )}
      {!error && study.data && series.data && (
        // What is open, and about to be done, is of this study alone.
        <Study key={id} study={study.data} series={series.data} />
      )}
      {!error && !(study.data && series.data) && <p className={styles.quietText}>{t('loading')}</p>}
    </Page>
  );
}

function Study({ study, series }: { study: StudyAnswer; series: SeriesAnswer[] }) {
  const t = useTranslations('study');
  const search = useSearch({ from: '/shell/studies/$id' });
  const navigate = useNavigate();
  const tab = search.tab ?? 'images';
  const select = useCallback(
    (change: { series?: string | undefined; instance?: string | undefined; tab?: TabName }) =>
      void navigate({
        to: '/studies/$id',
        params: { id: study.ID },
        search: (before) => {
          const merged = { ...before, ...change };
          return Object.fromEntries(Object.entries(merged).filter(([, value]) => value));
        },
        replace: true,
        resetScroll: false,
      }),
    [navigate, study.ID],
  );
  const { show } = useNotices();
  useEffect(() => lookAt(study.ID), [study.ID]);
  const beside = (by: number) => {
    const id = besideStudy(study.ID, by);
    if (id) void navigate({ to: '/studies/$id', params: { id }, search: tabOnly, replace: true });
    else show({ text: t('noneBeside'), about: 'beside' });
  };
  useShortcuts([
    ...TABS.map((name, number) => ({
      keys: String(number + 1),
      text: t(`tab_${name}`),
      run: () => select({ tab: name }),
    })),
    { keys: 'n', text: t('nextStudy'), run: () => beside(1) },
    { keys: 'b', text: t('previousStudy'), run: () => beside(-1) },
  ]);
  const tabOnly = search.tab ? { tab: search.tab } : {};
  const chosen = useChosen(series, search.series, search.instance);
  return (
    <div className={styles.study}>
      <Who study={study} />
      <StudyActions
        study={study}
        series={search.series ?? series[0]?.ID}
        part={partOf(series, search)}
      />
      <div className={styles.panes}>
        <Tree
          study={study}
          series={series}
          chosen={search.instance ?? search.series ?? study.ID}
          select={select}
        />
        <Tabs
          className={styles.tabs}
          selectedKey={tab}
          onSelectionChange={(key) => select({ tab: key as TabName })}
        >
          <TabList className={styles.tabList} aria-label={t('parts')}>
            {TABS.map((name) => (
              <Tab key={name} id={name} className={styles.tab}>
                <Icon name={ICONS[name]} size={16} />
                {t(`tab_${name}`)}
              </Tab>
            ))}
          </TabList>
          <TabPanel id="images" className={styles.panel}>
            <Images series={series} chosen={search.series} />
          </TabPanel>
          <TabPanel id="tags" className={styles.panel} data-flush>
            <Tags instance={chosen} />
          </TabPanel>
          <TabPanel id="files" className={styles.panel}>
            <Files study={study} series={search.series} instance={search.instance} />
          </TabPanel>
          <TabPanel id="history" className={styles.panel}>
            <History study={study} series={series} />
          </TabPanel>
        </Tabs>
        {tab !== 'tags' && (
          <aside className={styles.aside} aria-label={t('tab_tags')}>
            <Tags instance={chosen} />
          </aside>
        )}
      </div>
    </div>
  );
}

/** The instance whose tags are shown: the selected one, else the middle one of the selected series. */
function useChosen(all: SeriesAnswer[], series?: string, instance?: string): string | undefined {
  const id = series ?? all[0]?.ID ?? '';
  const { data: order } = useQuery({ ...orderQuery(id), enabled: !instance && id !== '' });
  if (instance) return instance;
  return order?.Instances[Math.floor(order.Instances.length / 2)]?.Instance;
}

/** What is selected, unless that is all that the study has. */
function partOf(all: SeriesAnswer[], { series, instance }: Address) {
  const several = all.length > 1;
  const isPart = instance ? several || (all[0]?.Instances.length ?? 0) > 1 : series && several;
  return isPart ? { series: several ? series : undefined } : undefined;
}

function Who({ study }: { study: StudyAnswer }) {
  const t = useTranslations('study');
  const locale = useLocale();
  const { data: statistics } = useQuery(statisticsQuery(study.ID));
  const { MainDicomTags: tags, PatientMainDicomTags: patient } = study;
  const facts = [
    patient.PatientID ? (
      <Link
        key="patient"
        to="/patients/$id"
        params={{ id: study.ParentPatient }}
        title={t('ofPatient')}
      >
        {patient.PatientID}
      </Link>
    ) : undefined,
    bornText(patient.PatientSex, patient.PatientBirthDate, locale),
    dateTimeText(tags.StudyDate ?? '', tags.StudyTime ?? '', locale),
    tags.AccessionNumber && t('accession', { number: tags.AccessionNumber }),
    statistics &&
      t('size', {
        instances: statistics.CountInstances ?? 0,
        series: statistics.CountSeries ?? 0,
        size: sizeText(Number(statistics.DicomDiskSize), locale),
      }),
    study.IsStable ? undefined : t('arriving'),
  ];
  return (
    <Header back={listAround(study.ID)} patientName={patient.PatientName ?? ''} facts={facts}>
      <span className={styles.description} dir="auto">
        {tags.StudyDescription}
      </span>
    </Header>
  );
}
