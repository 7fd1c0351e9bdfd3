// SPDX-License-Identifier: Apache-2.0
/** The headings of a grid: each sorts by its button, and is made wider by its edge or by Alt and arrows. */
import type { KeyboardEvent, PointerEvent, Ref } from 'react';
import { useTranslations } from 'use-intl';
import type { GridProps } from './Grid';
import { SortMark } from './Grid';
import styles from './Grid.module.css';

const LEAST = 3;
const STEP = 1;

export function HeaderRow<Row>({
  template,
  least,
  columns,
  sort,
  onSort,
  onResize,
  selected,
  count,
  onSelectAll,
  ref,
}: GridProps<Row> & { template: string; least: string; ref: Ref<HTMLDivElement> }) {
  const t = useTranslations('grid');
  const by = sort.replace(/^-/, '');
  const down = sort.startsWith('-');
  return (
    <div ref={ref} role="rowgroup" className={styles.head} style={{ minWidth: least }}>
      <div
        role="row"
        aria-rowindex={1}
        className={styles.header}
        style={{ gridTemplateColumns: template }}
      >
        {selected && (
          <div role="columnheader" className={styles.check}>
            <input
              type="checkbox"
              aria-label={t('selectLoaded')}
              checked={selected.size > 0 && selected.size >= count}
              onChange={onSelectAll}
            />
          </div>
        )}
        {columns.map((column) => {
          const sorted = column.id === by;
          const onKeyDown = (event: KeyboardEvent) => {
            const step = { ArrowRight: STEP, ArrowLeft: -STEP }[event.key];
            if (!event.altKey || step === undefined) return;
            event.preventDefault();
            onResize(column.id, Math.max(LEAST, column.width + step));
          };
          return (
            <div
              key={column.id}
              role="columnheader"
              aria-sort={sorted ? (down ? 'descending' : 'ascending') : undefined}
              className={styles.heading}
              data-end={column.end || undefined}
            >
              {column.sorts ? (
                <button
                  type="button"
                  className={styles.sort}
                  data-sorted={sorted || undefined}
                  onClick={() => onSort(column.id)}
                  onKeyDown={onKeyDown}
                >
                  <span>{column.title}</span>
                  {sorted && <SortMark down={down} />}
                </button>
              ) : (
                <span className={styles.plain}>{column.title}</span>
              )}
              <span
                className={styles.edge}
                aria-hidden="true"
                onPointerDown={(event) => drag(event, (width) => onResize(column.id, width))}
              />
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** Follows the pointer from a heading's edge on, and says how wide the heading is then. */
function drag(event: PointerEvent<HTMLElement>, resize: (width: number) => void): void {
  event.preventDefault();
  const edge = event.currentTarget;
  const left = edge.parentElement?.getBoundingClientRect().left ?? 0;
  const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  edge.setPointerCapture(event.pointerId);
  const move = ({ clientX }: globalThis.PointerEvent) =>
    resize(Math.max(LEAST, Math.round(((clientX - left) / rem) * 4) / 4));
  edge.addEventListener('pointermove', move);
  edge.addEventListener('lostpointercapture', () => edge.removeEventListener('pointermove', move), {
    once: true,
  });
}
