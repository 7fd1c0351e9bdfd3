// SPDX-License-Identifier: Apache-2.0
/** Study, series and instances as a tree (WAI-ARIA tree view); rows out of sight are not drawn. */
import { useQueries } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { useTranslations } from 'use-intl';
import { Icon } from '../shell/Icon';
import { orderQuery, type SeriesAnswer, type StudyAnswer } from './queries';
import styles from './study.module.css';

interface Row {
  id: string;
  level: 1 | 2 | 3;
  text: string;
  count?: number;
  open?: boolean;
  series?: string;
  place: number;
  of: number;
}

interface Props {
  study: StudyAnswer;
  series: SeriesAnswer[];
  chosen: string;
  select: (what: { series?: string | undefined; instance?: string | undefined }) => void;
}

export function Tree({ study, series, chosen, select }: Props) {
  const t = useTranslations('study');
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const rows = useRows(study, series, open);
  const box = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState(chosen);
  const at = Math.max(
    0,
    rows.findIndex(({ id }) => id === active),
  );
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => 30,
    overscan: 12,
  });
  useEffect(() => setActive(chosen), [chosen]);

  const choose = (row: Row) => {
    setActive(row.id);
    if (row.level === 1) select({ series: undefined, instance: undefined });
    else if (row.level === 2) select({ series: row.id, instance: undefined });
    else select({ series: row.series, instance: row.id });
  };
  const toggle = (row: Row, to = !row.open) => {
    if (row.level !== 2) return;
    const next = new Set(open);
    if (to) next.add(row.id);
    else next.delete(row.id);
    setOpen(next);
  };
  const go = (place: number) => {
    const row = rows[Math.min(Math.max(place, 0), rows.length - 1)];
    if (!row) return;
    virtual.scrollToIndex(rows.indexOf(row));
    choose(row);
  };
  const onKey = (event: KeyboardEvent) => {
    const row = rows[at];
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const parent = rows.findLastIndex(({ level }, place) => place < at && level < row.level);
    const moves = new Map<string, () => void>([
      ['ArrowDown', () => go(at + 1)],
      ['ArrowUp', () => go(at - 1)],
      ['Home', () => go(0)],
      ['End', () => go(rows.length - 1)],
      ['ArrowRight', () => (row.open === false ? toggle(row, true) : go(at + 1))],
      ['ArrowLeft', () => (row.open && row.level === 2 ? toggle(row, false) : go(parent))],
      ['Enter', () => choose(row)],
      [' ', () => toggle(row)],
    ]);
    const move = moves.get(event.key);
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    move();
  };
  return (
    <div
      ref={box}
      className={styles.tree}
      role="tree"
      aria-label={t('tree')}
      tabIndex={0}
      aria-activedescendant={rows[at] && `tree-${rows[at].id}`}
      onKeyDown={onKey}
    >
      <div style={{ height: virtual.getTotalSize() }} role="presentation">
        {virtual.getVirtualItems().map(({ index, start }) => {
          const row = rows[index];
          if (!row) return null;
          return (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the tree itself takes the keys, as its pattern says
            <div
              key={row.id}
              id={`tree-${row.id}`}
              role="treeitem"
              tabIndex={-1}
              aria-level={row.level}
              aria-setsize={row.of}
              aria-posinset={row.place}
              aria-expanded={row.open}
              aria-selected={row.id === chosen}
              className={styles.row}
              data-level={row.level}
              data-active={index === at || undefined}
              style={{ transform: `translateY(${start}px)` }}
              onClick={() => choose(row)}
              onDoubleClick={() => toggle(row)}
            >
              {row.level === 2 && (
                <span
                  className={styles.twist}
                  data-open={row.open || undefined}
                  aria-hidden="true"
                  onClick={(event) => {
                    event.stopPropagation();
                    toggle(row);
                  }}
                >
                  <Icon name="chevronRight" size={14} />
                </span>
              )}
              <span className={styles.rowText} dir="auto">
                {row.text}
              </span>
              {row.count !== undefined && <span className={styles.rowCount}>{row.count}</span>}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function useRows(study: StudyAnswer, series: SeriesAnswer[], open: ReadonlySet<string>): Row[] {
  const t = useTranslations('study');
  const opened = series.filter(({ ID }) => open.has(ID));
  const orders = useQueries({ queries: opened.map(({ ID }) => orderQuery(ID)) });
  const rows: Row[] = [
    { id: study.ID, level: 1, text: t('study'), count: series.length, open: true, place: 1, of: 1 },
  ];
  series.forEach(({ ID, MainDicomTags: tags, Instances }, number) => {
    const text = [tags.SeriesNumber, tags.Modality, tags.SeriesDescription];
    rows.push({
      id: ID,
      level: 2,
      text: text.filter(Boolean).join(' ') || t('series'),
      count: Instances.length,
      open: open.has(ID),
      place: number + 1,
      of: series.length,
    });
    const order = orders[opened.findIndex((one) => one.ID === ID)]?.data;
    order?.Instances.forEach(({ Instance, Count }, place) => {
      rows.push({
        id: Instance,
        level: 3,
        series: ID,
        text: t('instance', { number: place + 1 }),
        place: place + 1,
        of: order.Instances.length,
        ...(Count > 1 ? { count: Count } : {}),
      });
    });
  });
  return rows;
}
