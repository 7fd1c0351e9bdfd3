// SPDX-License-Identifier: Apache-2.0
/** Values of DICOM as people read them; what is no such value is shown as it is. */
import { numberFormat, timeFormat } from '../formats';

/** `Family^Given^Middle^Prefix^Suffix=Ideographic`: "Family, Given Middle", then the other writing. */
export function personName(raw: string): string {
  const [alphabetic = '', ideographic = ''] = raw.split('=');
  const [family = '', given = '', middle = '', prefix = '', suffix = ''] = alphabetic.split('^');
  const first = [prefix, given, middle].filter(Boolean).join(' ');
  const main = [family, first].filter(Boolean).join(', ');
  const written = [main, suffix].filter(Boolean).join(' ');
  const other = ideographic.replaceAll('^', ' ').trim();
  return [written, other].filter(Boolean).join('  ');
}

/** A moment within the day that DA and TM name, or null. */
function moment(date: string, time = ''): Date | null {
  const day = /^(\d{4})\.?(\d{2})\.?(\d{2})$/.exec(date.trim());
  if (!day) return null;
  const [, year, month, dayOfMonth] = day.map(Number) as [number, number, number, number];
  const clock = /^(\d{2}):?(\d{2})/.exec(time.trim());
  const made = new Date(
    year,
    month - 1,
    dayOfMonth,
    clock ? Number(clock[1]) : 0,
    clock ? Number(clock[2]) : 0,
  );
  return made.getMonth() === month - 1 && made.getDate() === dayOfMonth ? made : null;
}

const DAY = { year: 'numeric', month: '2-digit', day: '2-digit' } as const;
const MINUTE = { ...DAY, hour: '2-digit', minute: '2-digit' } as const;

export function dateText(date: string, locale: string): string {
  const made = moment(date);
  return made ? timeFormat(locale, DAY).format(made) : date;
}

export function dateTimeText(date: string, time: string, locale: string): string {
  const made = moment(date, time);
  if (!made) return [date, time].filter(Boolean).join(' ');
  const known = /^\d{2}:?\d{2}/.test(time.trim()) ? MINUTE : DAY;
  return timeFormat(locale, known).format(made).replace(',', '');
}

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte', 'petabyte'];

/** Of bytes in thousands, as disks are sold. */
export function sizeText(bytes: number, locale: string): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < UNITS.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return numberFormat(locale, {
    style: 'unit',
    unit: UNITS[unit],
    unitDisplay: unit ? 'short' : 'long',
    maximumSignificantDigits: unit ? 3 : 21,
  }).format(size);
}
