// SPDX-License-Identifier: Apache-2.0
/** Worklist entries as the store tells them, and their dates as forms of a browser have them. */
import { queryOptions } from '@tanstack/react-query';
import { get } from '../api/client';
import type { KnownWorklist, KnownWorklists, WorklistFields } from '../api/schema';

export type Field = keyof WorklistFields;

export const worklistsQuery = queryOptions({
  queryKey: ['worklists'],
  queryFn: ({ signal }) => get<KnownWorklists>('/explorer/api/worklists', { signal }),
  // Entries end by themselves, and others make them.
  refetchInterval: 30_000,
});

/** The earliest first; who has no date last. */
export function inOrder(entries: readonly KnownWorklist[]): KnownWorklist[] {
  const moment = ({ fields }: KnownWorklist) =>
    fields.ScheduledProcedureStepStartDate
      ? `${fields.ScheduledProcedureStepStartDate} ${fields.ScheduledProcedureStepStartTime ?? ''}`
      : '~';
  const dated = entries.map((one) => [moment(one), one] as const);
  return dated.sort(([a], [b]) => (a < b ? -1 : Number(a > b))).map(([, one]) => one);
}

/** Whether all words are somewhere in what the list shows of it. */
export function matches({ fields, file }: KnownWorklist, text: string): boolean {
  const said = [...Object.values(fields), file].join('\n').toLocaleLowerCase();
  return text
    .toLocaleLowerCase()
    .split(/\s+/)
    .every((word) => said.includes(word));
}

/** DA as `<input type="date">` has it; empty for what is none. */
export const dayOf = (da: string): string =>
  /^\d{8}$/.test(da) ? `${da.slice(0, 4)}-${da.slice(4, 6)}-${da.slice(6)}` : '';
export const daOf = (day: string): string => day.replaceAll('-', '');

/** TM as `<input type="time">` has it; empty for what is none. */
export function clockOf(tm: string): string {
  const [, hours, minutes, seconds] = /^(\d\d)(\d\d)(\d\d)?/.exec(tm) ?? [];
  if (!hours) return '';
  return [hours, minutes, ...(seconds && seconds !== '00' ? [seconds] : [])].join(':');
}
export const tmOf = (clock: string): string =>
  clock ? clock.replaceAll(':', '').padEnd(6, '0') : '';
