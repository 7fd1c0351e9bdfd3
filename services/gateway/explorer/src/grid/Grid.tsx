// SPDX-License-Identifier: Apache-2.0
/**
 * A list of any length as an ARIA grid: only rows in sight exist. The grid itself keeps the focus and
 * names the active row, so that the focus survives sorting, deletion and scrolling.
 */
import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual';
import {
  type KeyboardEvent,
  type ReactNode,
  useCallback,
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
  useState,
} from 'react';
import { useTranslations } from 'use-intl';
import { Icon } from '../shell/Icon';
import styles from './Grid.module.css';
import { HeaderRow } from './HeaderRow';
import { Row, type RowActs } from './Row';
import { useNarrow } from './useNarrow';
import { useRowHeight } from './useRowHeight';

export interface GridColumn<Row> {
  id: string;
  title: string;
  /** In rem. */
  width: number;
  /** Whether the width was chosen; others share what is left of the line. */
  fixed?: boolean;
  end?: boolean;
  /** Whether the link of a row is in it; in the first column, if in none. */
  opens?: boolean;
  sorts?: boolean;
  show: (row: Row) => ReactNode;
}

/**
 * A row is drawn again when its value, its index, or one of `columns`, `nameOf` and `hrefOf` is
 * another one: what these show has to depend on nothing else.
 */
export interface GridProps<Row> {
  label: string;
  columns: GridColumn<Row>[];
  /** Rows that can be scrolled to; those that are not loaded yet have no value in `rowAt`. */
  count: number;
  /** All that there are, if that is known. */
  total: number | null;
  rowAt: (index: number) => Row | undefined;
  keyOf: (row: Row) => string;
  nameOf: (row: Row) => string;
  hrefOf: (row: Row) => string;
  sort: string;
  onSort: (column: string) => void;
  onResize: (column: string, width: number) => void;
  /** Index of the active row; -1 is the row of headings. */
  active: number;
  onActive: (index: number, extend?: boolean) => void;
  /** Index of a row that is brought into sight, once; -1 for none. */
  reveal?: number;
  /** What is selected; left out where there is nothing to select rows for. */
  selected?: ReadonlySet<string>;
  /** Rows of what is there no more: they stay where they are, and cannot be selected. */
  gone?: ReadonlySet<string>;
  onToggle?: (index: number, extend?: boolean) => void;
  onSelectAll?: () => void;
  onOpen: (row: Row) => void;
  onRange: (first: number, last: number) => void;
  busy: boolean;
  /** Whether each row is a card where the window is as narrow as that of a phone. */
  cards?: boolean;
}

/** Rem of what a row is selected by. */
const CHECK = 2.6;
/** Of the height of a row, that a card has. */
const LINES = 2;

export function Grid<Value>(props: GridProps<Value>) {
  const { columns, count, rowAt, active, onActive, onRange, selected, keyOf } = props;
  const t = useTranslations('grid');
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const [head, line] = useRowHeight();
  const card = useNarrow() && (props.cards ?? false);
  const height = card ? LINES * line : line;
  const rows = useVirtualizer({
    count,
    getScrollElement: () => box.current,
    estimateSize: () => height,
    overscan: 12,
    scrollMargin: line,
    scrollPaddingStart: line,
    rangeExtractor: (range) => {
      const shown = defaultRangeExtractor(range);
      // The active row exists wherever it is, since the grid names it.
      return active >= 0 && active < count && !shown.includes(active)
        ? [...shown, active].sort((a, b) => a - b)
        : shown;
    },
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: all rows are of the new height at once
  useLayoutEffect(() => rows.measure(), [height]);
  const items = rows.getVirtualItems();
  const { startIndex, endIndex } = rows.range ?? { startIndex: 0, endIndex: 0 };
  useEffect(() => onRange(startIndex, endIndex), [startIndex, endIndex, onRange]);

  const { reveal = -1 } = props;
  // biome-ignore lint/correctness/useExhaustiveDependencies: once
  useEffect(() => {
    const isNear = startIndex <= reveal && reveal <= endIndex;
    if (reveal >= 0) rows.scrollToIndex(reveal, { align: isNear ? 'auto' : 'center' });
  }, [reveal]);

  const go = (to: number, extend: boolean) => {
    const index = Math.max(-1, Math.min(to, count - 1));
    onActive(index, extend);
    if (index >= 0) rows.scrollToIndex(index);
    else box.current?.scrollTo({ top: 0 });
  };
  const page = () => Math.max(1, Math.floor((box.current?.clientHeight ?? 400) / height) - 2);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== box.current || event.altKey) return;
    const targets: Record<string, number> = {
      ArrowDown: active + 1,
      ArrowUp: Math.max(0, active - 1),
      PageDown: active + page(),
      PageUp: Math.max(0, active - page()),
      Home: 0,
      End: count - 1,
    };
    const target = targets[event.key];
    const row = active >= 0 ? rowAt(active) : undefined;
    if (target !== undefined) go(target, event.shiftKey);
    else if (event.key === ' ' && active >= 0 && props.onToggle)
      props.onToggle(active, event.shiftKey);
    else if (event.key === 'Enter' && row !== undefined) props.onOpen(row);
    else if (
      event.key.toLowerCase() === 'a' &&
      (event.ctrlKey || event.metaKey) &&
      props.onSelectAll
    )
      props.onSelectAll();
    else return;
    event.preventDefault();
  };

  const latest = useRef(props);
  useLayoutEffect(() => {
    latest.current = props;
  });
  const [acts] = useState<RowActs<Value>>(() => ({
    press: (index, extend, add) => {
      box.current?.focus({ preventScroll: true });
      const { onToggle, onActive } = latest.current;
      if (onToggle && (extend || add)) onToggle(index, extend);
      else onActive(index);
    },
    toggle: (index, extend) => {
      // What was pressed goes when it is scrolled out of sight, and takes no keys of the grid.
      box.current?.focus({ preventScroll: true });
      latest.current.onToggle?.(index, extend);
    },
    open: (row) => latest.current.onOpen(row),
  }));
  const { nameOf } = props;
  const labelOf = useCallback((row: Value) => t('select', { name: nameOf(row) }), [t, nameOf]);
  const opening = Math.max(
    0,
    columns.findIndex(({ opens }) => opens),
  );
  const shown = card ? columns.slice(opening, opening + 1) : columns;
  const check = selected ? CHECK : 0;
  const template = `${check ? `${check}rem ` : ''}${
    card
      ? 'minmax(0, 1fr)'
      : columns
          .map(({ width, fixed }) => (fixed ? `${width}rem` : `minmax(${width}rem, ${width}fr)`))
          .join(' ')
  }`;
  const least = card ? '0' : `${columns.reduce((sum, { width }) => sum + width, check)}rem`;
  return (
    <div
      ref={box}
      id={id}
      role="grid"
      aria-label={props.label}
      aria-rowcount={props.total === null ? -1 : props.total + 1}
      aria-colcount={columns.length + (selected ? 1 : 0)}
      aria-multiselectable={selected !== undefined}
      aria-busy={props.busy}
      aria-activedescendant={active >= 0 && count ? `${id}-row-${active}` : undefined}
      tabIndex={0}
      className={styles.grid}
      data-busy={props.busy || undefined}
      data-cards={card || undefined}
      onKeyDown={onKeyDown}
      onFocus={(event) => {
        if (event.target === box.current && active < 0 && count) onActive(0);
      }}
    >
      <HeaderRow ref={head} template={template} least={least} {...props} columns={shown} />
      <div
        role="rowgroup"
        className={styles.rows}
        style={{ height: `${rows.getTotalSize()}px`, minWidth: least }}
      >
        {items.map(({ index, start }) => {
          const row = rowAt(index);
          const key = row === undefined ? '' : keyOf(row);
          return (
            <Row
              key={key || `at-${index}`}
              id={`${id}-row-${index}`}
              index={index}
              row={row}
              top={start - line}
              height={height}
              template={template}
              columns={columns}
              opening={opening}
              card={card}
              active={index === active}
              chosen={selected?.has(key)}
              gone={props.gone?.has(key) ?? false}
              labelOf={labelOf}
              hrefOf={props.hrefOf}
              acts={acts}
            />
          );
        })}
      </div>
    </div>
  );
}

export function SortMark({ down }: { down: boolean }) {
  return <Icon name={down ? 'arrowDown' : 'arrowUp'} size={13} />;
}
