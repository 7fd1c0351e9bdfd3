// SPDX-License-Identifier: Apache-2.0
/** The list of patients: those who have a study that matches what is in the address. */
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useRouter, useSearch } from '@tanstack/react-router';
import { useCallback, useEffect, useMemo, useState } from 'react';
import { useLocale, useTranslations } from 'use-intl';
import type { ListedPatient } from '../api/schema';
import { WordSearch } from '../forms/WordSearch';
import { Grid, type GridColumn } from '../grid/Grid';
import { type Pages, usePages } from '../grid/pages';
import { Sorting } from '../grid/Sorting';
import { Failure } from '../shell/Failure';
import { Icon } from '../shell/Icon';
import { InShell } from '../shell/InShell';
import { useShortcuts } from '../shell/keys';
import { useNotices } from '../shell/notices';
import { Page } from '../shell/Page';
import toolbar from '../shell/Toolbar.module.css';
import { LONGEST_SEARCH } from '../studies/address';
import { Chips } from '../studies/Chips';
import { dateText, personName } from '../studies/dicom';
import { EmptyStore } from '../studies/EmptyStates';
import list from '../studies/StudiesPage.module.css';
import { BY_NAME, type PatientsAddress } from './address';
import { countQuery, type List, pageQuery } from './queries';

const hrefOf = ({ id }: ListedPatient) => `/explorer/patients/${id}`;

export function PatientsPage() {
  const t = useTranslations('patients');
  const router = useRouter();
  const navigate = useNavigate();
  const { announce } = useNotices();
  const address = useSearch({ from: '/shell/patients' });
  const columns = useColumns();
  const [active, setActive] = useState(-1);
  const [widths, setWidths] = useState<Record<string, number>>({});
  // What an earlier visit has read is not what there is now.
  const [round, setRound] = useState(Date.now);
  const { q: text = '', sort = BY_NAME } = address;

  // The rows of before stay, dimmed, until the first ones of what is asked for now are there.
  const wanted = useMemo<List>(() => ({ text, sort, round }), [text, sort, round]);
  const [shown, setShown] = useState(wanted);
  const first = useQuery(pageQuery(wanted, null));
  if (first.data && shown !== wanted) {
    setShown(wanted);
    setActive(-1);
  }
  const pages: Pages<ListedPatient> = usePages(
    JSON.stringify(shown),
    useCallback((after: string | null) => pageQuery(shown, after), [shown]),
  );
  const counted = useQuery({ ...countQuery(wanted), enabled: first.data?.count === null });
  const count = first.data && (first.data.count ?? counted.data);
  const told = count && t(count.exact ? 'count' : 'countAbout', { count: count.value });
  useEffect(() => {
    if (told) announce(told);
  }, [told, announce]);

  const change = (search: PatientsAddress, replace = false) =>
    void navigate({ to: '/patients', search, replace });
  const ask = (next: string) => {
    const { q: _, ...others } = address;
    change(next.trim() ? { ...others, q: next } : others, true);
  };
  const step = (by: number) => {
    document.querySelector<HTMLElement>('[role="grid"]')?.focus();
    setActive(active < 0 ? 0 : Math.max(0, Math.min(pages.count - 1, active + by)));
  };
  useShortcuts([
    { keys: 'j', text: t('keyDown'), run: () => step(1) },
    { keys: 'k', text: t('keyUp'), run: () => step(-1) },
    { keys: '.', text: t('keyRefresh'), run: () => setRound(Date.now()) },
    // The grid takes these itself.
    { keys: 'Enter', text: t('keyOpen') },
    { keys: 'Home', text: t('keyFirst') },
    { keys: 'End', text: t('keyLast') },
  ]);

  const shownColumns = useMemo(
    () =>
      columns.map((column) => ({
        ...column,
        width: widths[column.id] ?? column.width,
        fixed: column.id in widths,
      })),
    [columns, widths],
  );
  const nameOf = useCallback(
    (row: ListedPatient) => personName(row.patientName) || row.patientId || t('noName'),
    [t],
  );
  const nothing = first.data?.rows.length === 0;
  const error = first.data ? pages.error : first.error;
  return (
    <Page title={t('title')} quiet>
      <InShell place="page">
        <WordSearch
          label={t('search')}
          hint={t('searchHint')}
          value={text}
          longest={LONGEST_SEARCH}
          keys="/"
          onChange={ask}
        />
      </InShell>
      <section className={toolbar.bar} aria-label={t('found')}>
        <span className={toolbar.count}>{told && <strong>{told}</strong>}</span>
        <Sorting
          offered={columns.filter(({ sorts }) => sorts)}
          sort={sort}
          onSort={(next) => change({ ...address, sort: next })}
        />
        <Chips
          address={text ? { q: text } : {}}
          understood={first.data?.understood ?? []}
          onChange={({ q = '' }) => ask(q)}
        />
      </section>
      {error !== null && (
        <div className={list.aside}>
          <Failure error={error} retry={first.data ? pages.retry : () => void first.refetch()} />
        </div>
      )}
      {nothing ? (
        <div className={list.aside}>
          {text ? (
            <>
              <p>{t('noMatch')}</p>
              <Link to="/patients" search={{}}>
                {t('showAll')}
              </Link>
            </>
          ) : (
            <EmptyStore />
          )}
        </div>
      ) : (
        <Grid
          label={t('title')}
          columns={shownColumns}
          count={pages.count}
          total={count?.exact ? count.value : null}
          rowAt={pages.rowAt}
          keyOf={({ id }) => id}
          nameOf={nameOf}
          hrefOf={hrefOf}
          sort={shown.sort}
          onSort={(column) =>
            change({ ...address, sort: shown.sort === column ? `-${column}` : column })
          }
          onResize={(column, width) => setWidths((before) => ({ ...before, [column]: width }))}
          active={Math.min(active, pages.count - 1)}
          onActive={setActive}
          onOpen={(row) => router.history.push(hrefOf(row))}
          onRange={pages.setRange}
          busy={shown !== wanted}
          cards
        />
      )}
    </Page>
  );
}

function useColumns(): GridColumn<ListedPatient>[] {
  const t = useTranslations('patients');
  const locale = useLocale();
  return useMemo(
    () => [
      {
        id: 'name',
        title: t('column_name'),
        width: 14,
        opens: true,
        sorts: true,
        show: (row) => personName(row.patientName) || t('noName'),
      },
      { id: 'id', title: t('column_id'), width: 9, sorts: true, show: (row) => row.patientId },
      {
        id: 'birthDate',
        title: t('column_birthDate'),
        width: 7,
        sorts: true,
        show: (row) => dateText(row.birthDate, locale),
      },
      { id: 'sex', title: t('column_sex'), width: 4.5, show: (row) => row.sex },
      {
        id: 'studies',
        title: t('column_studies'),
        width: 5,
        end: true,
        show: (row) => row.studies.toLocaleString(locale),
      },
      {
        id: 'latest',
        title: t('column_latest'),
        width: 8,
        show: (row) => dateText(row.latest, locale),
      },
      {
        id: 'state',
        title: t('column_state'),
        width: 8,
        show: (row) =>
          row.protected && (
            <>
              <Icon name="lock" size={14} /> {t('protected')}
            </>
          ),
      },
    ],
    [t, locale],
  );
}
