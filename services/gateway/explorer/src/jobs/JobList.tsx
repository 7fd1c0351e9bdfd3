// SPDX-License-Identifier: Apache-2.0
/** The list of jobs: filtered by the address, live, with what can be done with several at once. */
import { Link, useNavigate } from '@tanstack/react-router';
import { useEffect, useMemo, useState } from 'react';
import { useLocale, useTranslations } from 'use-intl';
import type { JobRow } from '../api/schema';
import { useMay } from '../api/session';
import { Grid, type GridColumn } from '../grid/Grid';
import { useSelection } from '../grid/selection';
import { Failure } from '../shell/Failure';
import { Icon } from '../shell/Icon';
import { useShortcuts } from '../shell/keys';
import toolbar from '../shell/Toolbar.module.css';
import { askedOf, type JobsAddress, NEWEST, type State } from './address';
import { JobActions } from './JobActions';
import { JobDetails } from './JobDetails';
import { JobState } from './JobState';
import styles from './jobs.module.css';
import { StateFilter } from './StateFilter';
import { useJobTexts } from './texts';
import { useJobRows } from './useJobRows';

interface Props {
  to: '/jobs' | '/operate/routing/dead';
  address: JobsAddress;
  /** The states of its jobs, where the address has no say in that. */
  only?: State;
}

export function JobList({ to, address, only }: Props) {
  const t = useTranslations('jobs');
  const locale = useLocale();
  const texts = useJobTexts();
  const may = useMay();
  const navigate = useNavigate();
  const [active, setActive] = useState(-1);
  const [widths, setWidths] = useState<Record<string, number>>({});
  const key = JSON.stringify([address.q, address.state, address.destination, only]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: by what it asks for
  const asked = useMemo(() => askedOf(only ? { ...address, state: only } : address), [key]);
  const sort = address.order ?? NEWEST;
  const [still, setStill] = useState(false);
  const rows = useJobRows(asked, sort, still);
  // Nothing is done with what another list had, nor with rows that are about to make room.
  const selection = useSelection(key, rows.settled ? rows.rowAt : noRow);
  const some = selection.ids.size > 0;
  useEffect(() => setStill(some), [some]);

  const change = (next: JobsAddress, replace = false) =>
    void navigate({ to, search: next, replace });
  const show = (id: string) => change({ ...address, job: id });
  const columns = useMemo<GridColumn<JobRow>[]>(() => {
    const all: (GridColumn<JobRow> & { in?: boolean })[] = [
      { id: 'type', title: t('column_what'), width: 15, sorts: true, show: texts.what },
      {
        id: 'state',
        title: t('column_state'),
        width: 14,
        sorts: true,
        show: (job) => <JobState job={job} />,
      },
      { id: 'count', title: t('column_count'), width: 8, end: true, show: texts.counted },
      {
        id: 'created',
        title: t('column_created'),
        width: 9.5,
        sorts: true,
        show: (job) => texts.shortly(job.created),
      },
      {
        id: 'completed',
        title: t('column_completed'),
        width: 9.5,
        sorts: true,
        show: (job) => texts.shortly(job.completed),
      },
      { id: 'took', title: t('column_took'), width: 5.5, sorts: true, end: true, show: texts.took },
      {
        id: 'error',
        title: t('column_error'),
        width: 18,
        show: (job) => (
          <span className={styles.error} title={job.error}>
            {job.error}
          </span>
        ),
      },
    ];
    return all.map((column) => {
      const chosen = widths[column.id];
      return { ...column, width: chosen ?? column.width, fixed: chosen !== undefined };
    });
  }, [t, texts, widths]);

  const step = (by: number) => {
    document.querySelector<HTMLElement>('[role="grid"]')?.focus();
    setActive(active < 0 ? 0 : Math.max(0, Math.min(rows.count - 1, active + by)));
  };
  useShortcuts([
    { keys: 'j', text: t('keyDown'), run: () => step(1) },
    { keys: 'k', text: t('keyUp'), run: () => step(-1) },
    { keys: 'x', text: t('keySelect'), run: () => active >= 0 && selection.toggle(active) },
    { keys: '.', text: t('keyRefresh'), run: rows.refresh },
  ]);
  const matching = rows.page?.count ?? 0;
  /** What nothing tries again by itself, and is on another page. */
  const byHand = rows.states.Failure ?? 0;
  const retried = rows.states.Retry ?? 0;
  const told = rows.page && t('count', { count: matching });
  return (
    <>
      {some ? (
        <JobActions
          selection={selection}
          asked={asked}
          matching={matching}
          onDone={rows.refresh}
          mayAct={may('jobs')}
        />
      ) : (
        <section className={toolbar.bar} aria-label={t('filters')}>
          <strong role="status">{told}</strong>
          {!only && (
            <StateFilter
              states={rows.states}
              chosen={asked.states ?? []}
              onChange={(states) => {
                const { state: _, ...others } = address;
                change(states.length ? { ...others, state: states.join(',') } : others);
              }}
            />
          )}
          {address.destination && (
            <span className={toolbar.chip}>
              <bdi>{texts.nameOf(address.destination)}</bdi>
              <button
                type="button"
                aria-label={t('allDestinations')}
                onClick={() => {
                  const { destination: _, ...others } = address;
                  change(others);
                }}
              >
                <Icon name="close" size={14} />
              </button>
            </span>
          )}
        </section>
      )}
      {rows.changed && (
        <button type="button" className={styles.changed} onClick={rows.refresh}>
          <Icon name="arrowUp" size={15} />
          {t('changed')}
          <kbd>.</kbd>
        </button>
      )}
      {only && retried > 0 && (
        <p className={styles.aside}>
          {t('retriedBeside', { count: retried })}{' '}
          <Link to="/jobs" search={{ ...address, state: 'Retry' }}>
            {t('showRetried')}
          </Link>
        </p>
      )}
      {only && byHand > 0 && (
        <p className={styles.aside}>
          {t('failedBeside', { count: byHand })}{' '}
          <Link to="/jobs" search={{ ...address, state: 'Failure' }}>
            {t('showFailed')}
          </Link>
        </p>
      )}
      {rows.error !== null && (
        <div className={styles.aside}>
          <Failure error={rows.error} retry={rows.retry} />
        </div>
      )}
      {rows.page && matching === 0 && !rows.busy ? (
        <p className={styles.aside}>
          {only ? t('allDelivered') : address.q || address.state ? t('noMatch') : t('none')}
        </p>
      ) : (
        <Grid
          label={t('title')}
          columns={columns}
          count={rows.count}
          total={matching}
          rowAt={rows.rowAt}
          keyOf={({ id }) => id}
          nameOf={(job) => `${texts.what(job)}, ${texts.moment(job.created)}`}
          hrefOf={({ id }) => `/explorer/jobs?job=${id}`}
          sort={sort}
          onSort={(column) =>
            change({ ...address, order: sort === column ? `-${column}` : column })
          }
          onResize={(column, width) => setWidths((before) => ({ ...before, [column]: width }))}
          active={Math.min(active, rows.count - 1)}
          onActive={(index, extend) => {
            setActive(index);
            if (extend) selection.extendTo(index);
          }}
          selected={selection.ids}
          onToggle={(index, extend) => {
            setActive(index);
            selection.toggle(index, extend);
          }}
          onSelectAll={() => selection.toggleAll(rows.count)}
          onOpen={({ id }) => show(id)}
          onRange={rows.inSight}
          busy={rows.busy}
        />
      )}
      {address.job && (
        <JobDetails
          key={address.job}
          id={address.job}
          tick={rows.tick}
          mayAct={may('jobs')}
          locale={locale}
          onClose={() => {
            const { job: _, ...others } = address;
            change(others);
          }}
        />
      )}
    </>
  );
}

const noRow = () => undefined;
