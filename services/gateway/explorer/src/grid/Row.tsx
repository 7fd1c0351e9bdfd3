// SPDX-License-Identifier: Apache-2.0
/** A row of a grid: what it is selected by, and its cells. */
import { memo } from 'react';
import { Cells } from './Cells';
import type { GridColumn } from './Grid';
import styles from './Grid.module.css';

/** What is done with rows. The same object as long as the grid is there. */
export interface RowActs<Row> {
  press: (index: number, extend: boolean, add: boolean) => void;
  toggle: (index: number, extend: boolean) => void;
  open: (row: Row) => void;
}

interface Props<Row> {
  id: string;
  index: number;
  row: Row | undefined;
  /** In px. */
  top: number;
  height: number;
  template: string;
  columns: GridColumn<Row>[];
  /** Which column the link is in. */
  opening: number;
  card: boolean;
  active: boolean;
  /** Left out where there is nothing to select rows for. */
  chosen: boolean | undefined;
  /** Whether what it shows is there no more. */
  gone: boolean;
  labelOf: (row: Row) => string;
  hrefOf: (row: Row) => string;
  acts: RowActs<Row>;
}

function Drawn<Row>(props: Props<Row>) {
  const { id, index, row, top, height, template, active, chosen, gone, labelOf, hrefOf, acts } =
    props;
  return (
    <div
      id={id}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={chosen}
      className={styles.row}
      data-active={active || undefined}
      data-gone={gone || undefined}
      style={{
        gridTemplateColumns: template,
        height: `${height}px`,
        transform: `translateY(${top}px)`,
      }}
      onClick={({ shiftKey, ctrlKey, metaKey }) => acts.press(index, shiftKey, ctrlKey || metaKey)}
      onDoubleClick={() => row !== undefined && acts.open(row)}
    >
      {chosen !== undefined && (
        <div role="gridcell" className={styles.check}>
          {row !== undefined && (
            <input
              type="checkbox"
              tabIndex={-1}
              checked={chosen}
              disabled={gone}
              aria-label={labelOf(row)}
              onClick={(event) => {
                event.stopPropagation();
                acts.toggle(index, event.shiftKey);
              }}
              onChange={() => undefined}
            />
          )}
        </div>
      )}
      <Cells
        row={row}
        columns={props.columns}
        opening={props.opening}
        card={props.card}
        href={hrefOf}
        onOpen={acts.open}
      />
    </div>
  );
}

/** Drawn again when what it shows has changed, and not with each step of scrolling. */
export const Row = memo(Drawn) as typeof Drawn;
