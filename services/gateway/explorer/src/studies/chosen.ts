// SPDX-License-Identifier: Apache-2.0
/** Which columns the list can show, which of them a person has chosen, and in which order. */

export const COLUMNS = [
  'name',
  'id',
  'birthDate',
  'sex',
  'date',
  'modalities',
  'description',
  'accession',
  'series',
  'instances',
  'size',
  'labels',
  'state',
  'origin',
  'lastUpdate',
  'studyUid',
  'picture',
] as const;
export type ColumnId = (typeof COLUMNS)[number];

export const BY_DEFAULT: ColumnId[] = [
  'name',
  'id',
  'birthDate',
  'date',
  'modalities',
  'description',
  'accession',
  'instances',
  'size',
  'labels',
  'state',
  'origin',
];

/** Those that a person has chosen, in their order; where none of them is known, those by default. */
export function columnsOf(chosen: readonly string[]): ColumnId[] {
  const known = [...new Set(chosen)].filter((one): one is ColumnId =>
    (COLUMNS as readonly string[]).includes(one),
  );
  return known.length ? known : BY_DEFAULT;
}

/** With one more column, at the end, or without it; the last one stays. */
export function toggled(shown: readonly ColumnId[], id: ColumnId): ColumnId[] {
  if (!shown.includes(id)) return [...shown, id];
  return shown.length > 1 ? shown.filter((one) => one !== id) : [...shown];
}

/** With a column so many places further to the end, as far as there are places. */
export function moved(shown: readonly ColumnId[], id: ColumnId, by: number): ColumnId[] {
  const others = shown.filter((one) => one !== id);
  const at = Math.max(0, Math.min(others.length, shown.indexOf(id) + by));
  return others.toSpliced(at, 0, id);
}
