// SPDX-License-Identifier: Apache-2.0
/** A table of what is known by name: few rows, in a box that scrolls sideways where it is narrow. */
import type { ReactNode } from 'react';
import styles from './known.module.css';

export interface Column<T> {
  title: string;
  show: (one: T) => ReactNode;
}

interface Props<T> {
  label: string;
  /** The first one names the row. */
  columns: readonly Column<T>[];
  rows: readonly T[];
  keyOf: (one: T) => string | number;
  /** What can be done with it. */
  actions: (one: T) => ReactNode;
  /** Stands for all but the name where there is something. */
  instead?: (one: T) => ReactNode;
}

export function Table<T>({ label, columns, rows, keyOf, actions, instead }: Props<T>) {
  const [first, ...others] = columns;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls is reached by keyboard
    <section className={styles.wide} tabIndex={0} aria-label={label}>
      <table className={styles.table}>
        <thead>
          <tr>
            {columns.map(({ title }) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
            <td />
          </tr>
        </thead>
        <tbody>
          {rows.map((one) => {
            const whole = instead?.(one);
            return (
              <tr key={keyOf(one)}>
                <th scope="row">{first?.show(one)}</th>
                {whole ? (
                  <td colSpan={columns.length}>{whole}</td>
                ) : (
                  <>
                    {others.map(({ title, show }) => (
                      <td key={title}>{show(one)}</td>
                    ))}
                    <td>
                      <div className={styles.actions}>{actions(one)}</div>
                    </td>
                  </>
                )}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
