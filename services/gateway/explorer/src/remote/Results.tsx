// SPDX-License-Identifier: Apache-2.0
/** What the archives have as one table, beside what of it is here. */
import { useEffect, useMemo, useRef, useState } from 'react';
import { useLocale, useTranslations } from 'use-intl';
import { useMay } from '../api/session';
import { Grid, type GridColumn } from '../grid/Grid';
import { Icon } from '../shell/Icon';
import { useShortcuts } from '../shell/keys';
import { useNotices } from '../shell/notices';
import toolbar from '../shell/Toolbar.module.css';
import columns from '../studies/columns.module.css';
import { dateText, dateTimeText, personName } from '../studies/dicom';
import { isSort, type Sort } from './address';
import type { HeldStudies } from './held';
import { bestSource, isOthers, mostImages, presenceOf, type Row } from './merging';
import { RetrieveButton } from './RetrieveButton';
import styles from './remote.module.css';
import { type Remote, retrievals, useRetrievals } from './retrievals';
import { State } from './State';

interface Props {
  rows: readonly Row[];
  remotes: readonly Remote[];
  held: HeldStudies;
  sort: Sort;
  busy: boolean;
  onSort: (sort: Sort) => void;
  onOpen: (row: Row) => void;
}

export function Results({ rows, remotes, held, sort, busy, onSort, onOpen }: Props) {
  const t = useTranslations('remote');
  const locale = useLocale();
  const may = useMay();
  const { announce } = useNotices();
  const [active, setActive] = useState(-1);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [widths, setWidths] = useState<Record<string, number>>({});
  const anchor = useRef(0);
  useRetrievals(); // rows tell how far theirs are

  const told = t('count', { count: rows.length });
  useEffect(() => {
    if (!busy) announce(told);
  }, [busy, told, announce]);

  const nameOf = (row: Row) => personName(row.patientName) || t('noName');
  const fetchRows = (wanted: readonly Row[]) => {
    for (const row of wanted) {
      const best = bestSource(row);
      const remote = remotes.find(({ name }) => name === best?.remote);
      if (remote) void retrievals.start(remote, row);
    }
  };
  const chosenRows = rows.filter(({ key }) => chosen.has(key));
  const toggle = (index: number, extend = false) => {
    const next = new Set(chosen);
    if (extend) {
      const [from, to] = [Math.min(anchor.current, index), Math.max(anchor.current, index)];
      for (const { key } of rows.slice(from, to + 1)) next.add(key);
    } else {
      anchor.current = index;
      const key = rows[index]?.key ?? '';
      if (!next.delete(key)) next.add(key);
    }
    setChosen(next);
  };
  const step = (by: number) => {
    document.querySelector<HTMLElement>('[role="grid"]')?.focus();
    setActive(active < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, active + by)));
  };
  const fetchChosen = () => {
    const one = rows[active];
    fetchRows(chosenRows.length ? chosenRows : one ? [one] : []);
    setChosen(new Set());
  };
  useShortcuts([
    { keys: 'j', text: t('keyDown'), run: () => step(1) },
    { keys: 'k', text: t('keyUp'), run: () => step(-1) },
    { keys: 'x', text: t('keySelect'), run: () => active >= 0 && toggle(active) },
    ...(may('retrieve') ? [{ keys: 'r', text: t('retrieve'), run: fetchChosen }] : []),
    ...(chosen.size
      ? [{ keys: 'Escape', text: t('deselect'), run: () => setChosen(new Set()) }]
      : []),
  ]);

  const shown = useMemo<GridColumn<Row>[]>(() => {
    const column = (
      id: string,
      width: number,
      show: GridColumn<Row>['show'],
      more: Partial<GridColumn<Row>> = {},
    ): GridColumn<Row> => ({
      id,
      title: t(`column_${id}` as 'column_name'),
      width: widths[id] ?? width,
      fixed: widths[id] !== undefined,
      sorts: isSort(id),
      show,
      ...more,
    });
    const count = (value: number | null | undefined) =>
      value?.toLocaleString(locale) ?? t('uncounted');
    return [
      column('name', 12, (row) => personName(row.patientName) || t('noName')),
      column('state', 8, (row) => {
        const here = held.of(row.key);
        return (
          <State
            presence={presenceOf(
              mostImages(row),
              here === undefined ? undefined : (here?.instances ?? null),
            )}
            patient={isOthers(row, here) ? here?.patientId : undefined}
          />
        );
      }),
      ...(may('retrieve')
        ? [
            column('retrieve', 12, (row) => {
              const best = bestSource(row);
              const remote = remotes.find(({ name }) => name === best?.remote);
              return remote ? (
                <RetrieveButton
                  inGrid
                  name={personName(row.patientName) || t('noName')}
                  remote={remote}
                  target={row}
                />
              ) : null;
            }),
          ]
        : []),
      column('patientId', 6, (row) => row.patientId),
      column('birthDate', 6.8, (row) => dateText(row.birthDate, locale)),
      column('date', 10, (row) => dateTimeText(row.date, row.time, locale)),
      column('modalities', 6.4, (row) =>
        row.modalities.map((one) => (
          <span key={one} className={columns.modality}>
            {one}
          </span>
        )),
      ),
      column('description', 9, (row) => row.description),
      column('accession', 6, (row) => row.accession),
      column(
        'images',
        7,
        (row) =>
          t('counts', {
            series: count(bestSource(row)?.series),
            images: count(bestSource(row)?.instances),
          }),
        { end: true },
      ),
      column('sources', 8, (row) => row.sources.map(({ remote }) => remote).join(', ')),
    ];
  }, [held, locale, may, remotes, t, widths]);

  return (
    <div className={styles.results}>
      <section
        className={chosenRows.length ? `${toolbar.bar} ${toolbar.selected}` : toolbar.bar}
        aria-label={chosenRows.length ? t('selection') : t('results')}
      >
        <span className={toolbar.count}>
          <strong>
            {chosenRows.length
              ? t('chosen', { count: chosenRows.length })
              : rows.length
                ? told
                : t(busy ? 'nothingYet' : 'nothing')}
          </strong>
        </span>
        <span className={toolbar.space} />
        {chosenRows.length > 0 && may('retrieve') && (
          <button type="button" className={toolbar.button} onClick={fetchChosen}>
            <Icon name="download" />
            {t('retrieveChosen', { count: chosenRows.length })}
          </button>
        )}
        {chosenRows.length > 0 && (
          <button
            type="button"
            className={toolbar.button}
            aria-label={t('deselect')}
            onClick={() => setChosen(new Set())}
          >
            <Icon name="close" />
          </button>
        )}
      </section>
      {rows.length > 0 && (
        <Grid
          label={t('results')}
          columns={shown}
          count={rows.length}
          total={rows.length}
          rowAt={(index) => rows[index]}
          keyOf={({ key }) => key}
          nameOf={(row) =>
            [nameOf(row), row.modalities.join(' '), dateText(row.date, locale)]
              .filter(Boolean)
              .join(', ')
          }
          hrefOf={({ key }) => {
            const address = new URLSearchParams(location.search);
            address.set('open', key.trim());
            return `?${address}`;
          }}
          sort={sort}
          onSort={(column) => {
            const next = sort === column ? `-${column}` : column;
            if (isSort(next)) onSort(next);
          }}
          onResize={(column, width) => setWidths((before) => ({ ...before, [column]: width }))}
          active={Math.min(active, rows.length - 1)}
          onActive={(index, extend) => {
            setActive(index);
            if (extend) toggle(index, true);
          }}
          selected={chosen}
          onToggle={(index, extend) => {
            setActive(index);
            toggle(index, extend);
          }}
          onSelectAll={() =>
            setChosen(new Set(chosenRows.length === rows.length ? [] : rows.map(({ key }) => key)))
          }
          onOpen={onOpen}
          onRange={ignore}
          busy={false}
        />
      )}
    </div>
  );
}

/** All rows are here. */
const ignore = () => undefined;
