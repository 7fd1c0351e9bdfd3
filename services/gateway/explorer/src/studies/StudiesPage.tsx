// SPDX-License-Identifier: Apache-2.0
/** The list of studies: what is searched for is in the address, rows come as they are scrolled to. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useRouter, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useLocale, useTranslations } from 'use-intl';
import { Grid, type GridColumn } from '../grid/Grid';
import { Sorting } from '../grid/Sorting';
import { useSelection } from '../grid/selection';
import { prefer, usePreferences } from '../preferences';
import { Failure, sentenceOf } from '../shell/Failure';
import { Icon } from '../shell/Icon';
import { InShell } from '../shell/InShell';
import { useShortcuts } from '../shell/keys';
import { useNotices } from '../shell/notices';
import { Page } from '../shell/Page';
import toolbar from '../shell/Toolbar.module.css';
import { copyText } from '../study/copyText';
import { seriesOfStudyQuery } from '../study/queries';
import { type Address, askedOf, isSort, SORTS, type Sort } from './address';
import { useArrivals } from './arrivals';
import { Chips } from './Chips';
import { ColumnChooser } from './ColumnChooser';
import { COLUMNS, columnsOf } from './chosen';
import { COLUMN } from './columns';
import { useDeletions } from './deletions';
import { dateText, personName } from './dicom';
import { EmptyStore, NoMatch } from './EmptyStates';
import { Filters } from './Filters';
import { listsIn } from './identifiers';
import { MissingIdentifiers } from './MissingIdentifiers';
import { type Search, usePages, withoutHidden } from './pages';
import { SaveView } from './SavedViews';
import { SearchBox } from './SearchBox';
import { SelectionBar } from './SelectionBar';
import styles from './StudiesPage.module.css';
import { countQuery, pageQuery, type Row } from './search';
import { useDrawn } from './useDrawn';
import { useReturn } from './useReturn';
import { Views } from './Views';
import { walkThrough } from './walk';

const NEWEST: Sort = '-date';
const Peek = lazy(async () => ({ default: (await import('./Peek')).Peek }));

export function StudiesPage() {
  const t = useTranslations('studies');
  const locale = useLocale();
  const router = useRouter();
  const navigate = useNavigate();
  const shell = useTranslations('shell');
  const queries = useQueryClient();
  const { announce, show } = useNotices();
  const { hidden, gone: deleted, settle } = useDeletions();
  const preferences = usePreferences();
  const address = useSearch({ from: '/shell/' });
  const arrivals = useArrivals();
  const [round, setRound] = useState(0);
  const [active, setActive] = useState(-1);
  const [peeking, setPeeking] = useState(false);

  // The rows of before stay, dimmed, until the first ones of what is asked for now are there.
  const wanted = useMemo<Search>(
    () => ({ asked: askedOf(address), sort: address.sort ?? NEWEST, round }),
    [address, round],
  );
  const first = useQuery(pageQuery(wanted.asked, wanted.sort, wanted.round, null));
  const [shown, setShown] = useState(wanted);
  if (first.data && shown !== wanted) {
    setShown(wanted);
    setActive((before) => Math.min(before, 0));
  }
  // What is beside the rows is asked for behind the first ones, or once a try to have them failed.
  const rowsCame = useDrawn(first.isFetched || first.failureCount > 0);
  const pages = usePages(shown);
  const { gone } = arrivals;
  const list = JSON.stringify(shown);
  // biome-ignore lint/correctness/useExhaustiveDependencies: with each list that is shown
  useEffect(settle, [list, settle]);
  useEffect(() => settle, [settle]);
  const goneHere = useMemo(() => {
    let count = 0;
    for (let at = 0; gone.size > 0 && at < pages.count; at += 1) {
      const id = pages.rowAt(at)?.id;
      if (id !== undefined && gone.has(id) && !hidden.has(id)) count += 1;
    }
    return count;
  }, [gone, hidden, pages]);
  useEffect(() => {
    if (!goneHere) return;
    void queries.invalidateQueries({ queryKey: ['studies', 'count'] });
    void queries.invalidateQueries({ queryKey: ['studies', 'facets'] });
  }, [goneHere, queries]);
  const counted = useQuery({
    ...countQuery(wanted.asked, round),
    // What a page counted is as old as the page, which stays when something of it is deleted.
    enabled:
      first.data?.count === null ||
      (first.data !== undefined && (deleted.size > 0 || goneHere > 0)),
  });
  const anew = counted.data && !counted.isPlaceholderData;
  const fromPage = anew ? null : first.data?.count;
  const count = fromPage ?? counted.data ?? null;
  const countedAt = fromPage ? first.dataUpdatedAt : counted.dataUpdatedAt;

  /** Where hidden rows are, and how many of these have been counted. */
  const [hiddenAt, hiddenCounted] = useMemo(() => {
    const found: number[] = [];
    let counts = 0;
    for (let at = 0; hidden.size > 0 && at < pages.count; at += 1) {
      const row = pages.rowAt(at);
      if (!row || !hidden.has(row.id)) continue;
      found.push(at);
      if ((deleted.get(row.id) ?? Number.POSITIVE_INFINITY) > countedAt) counts += 1;
    }
    return [found, counts];
  }, [hidden, deleted, countedAt, pages]);
  const rowAt = (index: number) => pages.rowAt(withoutHidden(index, hiddenAt));
  const rows = Math.max(0, pages.count - hiddenAt.length);
  const back = useReturn(
    address,
    { count: rows, whole: pages.whole },
    rowAt,
    useCallback((index: number) => {
      if (document.activeElement?.matches('body, h1')) inGrid();
      setActive(index);
    }, []),
  );
  const { reach } = back;
  const { setRange } = pages;
  // By its numbers: the list of places is another one with each page that comes.
  const places = hiddenAt.join();
  const inSight = useCallback(
    (first: number, last: number) => {
      const at = places ? places.split(',').map(Number) : [];
      // Pages of hidden rows stay in sight, so that these are known.
      setRange(...reach(first, withoutHidden(last, at)));
    },
    [setRange, reach, places],
  );
  // Nothing is done with what another search found, nor with rows that are about to make room.
  const settled = searchOf(shown) === searchOf(wanted) && shown.sort === wanted.sort;
  const selection = useSelection(searchOf(wanted), settled ? rowAt : noRow, gone);
  // An estimate may be far off; less than what is there already it cannot be.
  const least = count?.exact ? 0 : rows;
  const total = count && { ...count, value: Math.max(least, count.value - hiddenCounted) };

  const change = useCallback(
    (next: Address) => void navigate({ to: '/', search: next }),
    [navigate],
  );
  const sortBy = (sort: string) => {
    if (isSort(sort)) change({ ...address, sort });
  };
  const offered = useMemo(
    () =>
      SORTS.flatMap((sort) => {
        const column = COLUMNS.find((one) => COLUMN[one].sort === sort);
        return column ? [{ id: sort, title: t(`column_${column}`) }] : [];
      }),
    [t],
  );
  const refresh = () => {
    arrivals.reset();
    setRound((before) => before + 1);
  };
  const open = (row: Row) => {
    const ids: string[] = [];
    let from = 0;
    for (let at = 0; at < rows; at += 1) {
      const found = rowAt(at);
      if (found && ids.push(found.id) === 1) from = at;
    }
    walkThrough(ids, address, from);
    router.history.push(hrefOf(row));
  };
  const spoken = useMemo(
    () => ({ locale, say: (key: 'arriving' | 'protected' | 'noName') => t(`say_${key}`) }),
    [locale, t],
  );
  const columns = useMemo<GridColumn<Row>[]>(
    () =>
      columnsOf(preferences.columns).map((id) => {
        const { width, sort, end, show } = COLUMN[id];
        const chosen = preferences.widths[id];
        return {
          id: sort ?? id,
          title: t(`column_${id}`),
          width: chosen ?? width,
          fixed: chosen !== undefined,
          opens: id === 'name',
          end: end ?? false,
          sorts: sort !== undefined,
          show: (row) => show(row, spoken),
        };
      }),
    [preferences.columns, preferences.widths, spoken, t],
  );
  const nameOf = useCallback(
    (row: Row) =>
      [
        personName(row.patientName) || t('say_noName'),
        row.modalities.join(' '),
        dateText(row.date, locale),
      ]
        .filter(Boolean)
        .join(', '),
    [locale, t],
  );

  const told = total && t(total.exact ? 'count' : 'countAbout', { count: total.value });
  const announced = useRef('');
  useEffect(() => {
    if (told && !first.isFetching && announced.current !== told) {
      announced.current = told;
      announce(told);
    }
  }, [told, first.isFetching, announce]);

  const step = (by: number) => {
    inGrid();
    setActive(active < 0 ? 0 : Math.max(0, Math.min(rows - 1, active + by)));
  };
  const activeRow = active >= 0 ? rowAt(Math.min(active, rows - 1)) : undefined;
  const view = async () => {
    if (!activeRow) {
      show({ text: t('peekNothing') });
      return;
    }
    try {
      const [first] = await queries.fetchQuery(seriesOfStudyQuery(activeRow.id));
      if (first) void navigate({ to: '/view/$series', params: { series: first.ID } });
      else show({ text: t('noImages') });
    } catch (error) {
      show({ text: shell(sentenceOf(error)), bad: true });
    }
  };
  const copyList = async () => {
    const copied = await copyText(window.location.href);
    show(copied ? { text: t('listCopied') } : { text: window.location.href, bad: true });
  };
  const peek = () => {
    if (active < 0) step(1);
    setPeeking(!peeking);
  };
  useShortcuts([
    { keys: 'j', text: t('keyDown'), run: () => step(1) },
    { keys: 'k', text: t('keyUp'), run: () => step(-1) },
    { keys: 'x', text: t('keySelect'), run: () => active >= 0 && selection.toggle(active) },
    { keys: 'v', text: t('viewImages'), run: () => void view() },
    { keys: 'p', text: t('peek'), run: peek },
    ...(peeking ? [{ keys: 'Escape', text: t('peekClose'), run: () => setPeeking(false) }] : []),
    { keys: '.', text: t('keyArrivals'), run: refresh },
    { keys: 'y', text: t('copyList'), run: () => void copyList() },
    // The grid takes these itself.
    { keys: 'Enter', text: t('peekOpen') },
    { keys: 'Shift+ArrowDown', text: t('keyExtend') },
    { keys: 'Ctrl+a', text: t('keyAll') },
    { keys: 'Home', text: t('keyFirst') },
    { keys: 'End', text: t('keyLast') },
  ]);

  const nothing = first.data !== undefined && shown === wanted && rows === 0;
  const searching = Boolean(
    wanted.asked.text || Object.keys(wanted.asked.filters).length || hiddenAt.length,
  );
  return (
    <Page title={t('title')} quiet>
      <InShell place="page">
        <SearchBox address={address} />
      </InShell>
      <InShell place="side">
        <Views address={address} round={round} ask={rowsCame} />
      </InShell>
      {selection.ids.size > 0 ? (
        <SelectionBar
          selection={selection}
          asked={wanted.asked}
          count={total}
          onChanged={() => setRound((before) => before + 1)}
        />
      ) : (
        <section className={toolbar.bar} aria-label={t('searchAndFilter')}>
          <span className={toolbar.count}>
            {total && (
              <strong>{t(total.exact ? 'count' : 'countAbout', { count: total.value })}</strong>
            )}
          </span>
          <Chips address={address} understood={first.data?.understood ?? []} onChange={change} />
          <Filters address={address} onChange={change} />
          <Sorting offered={offered} sort={wanted.sort} onSort={sortBy} />
          <span className={toolbar.space} />
          {arrivals.paused && <span className={toolbar.count}>{t('paused')}</span>}
          <SaveView address={address} />
          <ColumnChooser />
        </section>
      )}
      {listsIn(address, first.data?.understood ?? []).map((one) => (
        <MissingIdentifiers key={JSON.stringify(one)} list={one} round={round} />
      ))}
      {(arrivals.count > 0 || goneHere > 0) && (
        <button type="button" className={styles.arrivals} onClick={refresh}>
          <Icon name="arrowUp" size={15} />
          {[
            arrivals.count > 0 && t('arrived', { count: arrivals.count }),
            goneHere > 0 && t('goneMeanwhile', { count: goneHere }),
          ]
            .filter(Boolean)
            .join(' · ')}
          <kbd>.</kbd>
        </button>
      )}
      {first.error && !first.data ? (
        <div className={styles.aside}>
          <Failure error={first.error} retry={() => void first.refetch()} />
        </div>
      ) : nothing ? (
        <div className={styles.aside}>
          {searching ? (
            <NoMatch address={address} asked={wanted.asked} onChange={change} />
          ) : (
            <EmptyStore />
          )}
        </div>
      ) : (
        <>
          {pages.error !== null && (
            <div className={styles.aside}>
              <Failure error={pages.error} retry={pages.retry} />
            </div>
          )}
          <div className={styles.panes}>
            <Grid
              label={t('title')}
              columns={columns}
              count={rows}
              total={total?.exact ? total.value + goneHere : null}
              rowAt={rowAt}
              keyOf={keyOf}
              nameOf={nameOf}
              hrefOf={hrefOf}
              sort={shown.sort}
              onSort={(column) => sortBy(shown.sort === column ? `-${column}` : column)}
              onResize={(column, width) => {
                const id = columnsOf(preferences.columns).find(
                  (one) => (COLUMN[one].sort ?? one) === column,
                );
                if (id) prefer({ widths: { ...preferences.widths, [id]: width } });
              }}
              active={Math.min(active, rows - 1)}
              reveal={back.index}
              onActive={(index, extend) => {
                setActive(index);
                if (extend) selection.extendTo(index);
              }}
              selected={selection.ids}
              gone={gone}
              onToggle={(index, extend) => {
                setActive(index);
                selection.toggle(index, extend);
              }}
              onSelectAll={() => selection.toggleAll(rows)}
              onOpen={open}
              onRange={inSight}
              busy={shown !== wanted}
              cards
            />
            {peeking && activeRow && (
              <Suspense>
                <Peek
                  row={activeRow}
                  onClose={() => {
                    setPeeking(false);
                    inGrid();
                  }}
                />
              </Suspense>
            )}
          </div>
        </>
      )}
    </Page>
  );
}

const searchOf = ({ asked: { text, filters } }: Search) => JSON.stringify([text, filters]);
const inGrid = () => document.querySelector<HTMLElement>('[role="grid"]')?.focus();
const noRow = () => undefined;
const keyOf = (row: Row) => row.id;
const hrefOf = (row: Row) => `/explorer/studies/${row.id}`;
