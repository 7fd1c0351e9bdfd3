// SPDX-License-Identifier: Apache-2.0
/** A chart as a table that can be read: some steps together, newest first. */

const MOST = 24;

export interface Row {
  from: number;
  /** The greatest of each line; null where nobody looked. */
  values: (number | null)[];
}

export function rowsOf(at: number[], lines: { values: (number | null)[] }[]): Row[] {
  const together = Math.max(1, Math.ceil(at.length / MOST));
  const rows: Row[] = [];
  for (let end = at.length; end > 0; end -= together) {
    const start = Math.max(0, end - together);
    const values = lines.map((line) => {
      const known = line.values.slice(start, end).filter((one) => one !== null);
      return known.length ? Math.max(...known) : null;
    });
    rows.push({ from: at[start] ?? 0, values });
  }
  return rows;
}
