// SPDX-License-Identifier: Apache-2.0
/** The cells of a row: beside each other, or as a card with the link above and the others below it. */
import type { ReactNode } from 'react';
import type { GridColumn } from './Grid';
import styles from './Grid.module.css';

interface Props<Row> {
  row: Row | undefined;
  columns: GridColumn<Row>[];
  /** Which column the link is in. */
  opening: number;
  card: boolean;
  href: (row: Row) => string;
  onOpen: (row: Row) => void;
}

export function Cells<Row>({ row, columns, opening, card, href, onOpen }: Props<Row>) {
  const cell = (column: GridColumn<Row>, content: ReactNode) => (
    <div
      key={column.id}
      role="gridcell"
      className={styles.cell}
      data-end={(column.end && !card) || undefined}
    >
      {row === undefined ? <span className={styles.waiting} /> : content}
    </div>
  );
  const link = (column: GridColumn<Row>) =>
    cell(
      column,
      row !== undefined && (
        <a
          href={href(row)}
          tabIndex={-1}
          className={styles.open}
          dir="auto"
          onClick={(event) => {
            if (event.ctrlKey || event.metaKey || event.shiftKey) return;
            event.preventDefault();
            onOpen(row);
          }}
        >
          {column.show(row)}
        </a>
      ),
    );
  const text = (column: GridColumn<Row>) =>
    cell(
      column,
      row !== undefined && (
        <span dir="auto" className={styles.text}>
          {column.show(row)}
        </span>
      ),
    );
  const main = columns[opening];
  if (!card || !main) {
    return columns.map((column, position) => (position === opening ? link(column) : text(column)));
  }
  return (
    <div role="none" className={styles.card}>
      {link(main)}
      <div role="none" className={styles.others}>
        {columns.filter((column) => column !== main).map(text)}
      </div>
    </div>
  );
}
