// SPDX-License-Identifier: Apache-2.0
/**
 * Formats of numbers and times, each made once: to make one takes longer than to draw a row, and
 * `toLocaleString` with options makes one for every value.
 */
import { preferences } from './preferences';

const numbers = new Map<string, Intl.NumberFormat>();
const times = new Map<string, Intl.DateTimeFormat>();

function kept<T>(all: Map<string, T>, key: string, make: () => T): T {
  let found = all.get(key);
  if (!found) {
    found = make();
    all.set(key, found);
  }
  return found;
}

export function numberFormat(locale: string, options: Intl.NumberFormatOptions) {
  const key = `${locale} ${JSON.stringify(options)}`;
  return kept(numbers, key, () => new Intl.NumberFormat(locale, options));
}

/** A moment in words of the language, or as ISO 8601 has it where that is preferred. */
export function timeFormat(locale: string, options: Intl.DateTimeFormatOptions) {
  const iso = preferences().dates === 'iso';
  const [spoken, wanted] = iso ? [LIKE_ISO, withNumbers(options)] : [locale, options];
  const key = `${spoken} ${JSON.stringify(wanted)}`;
  return kept(times, key, () => new Intl.DateTimeFormat(spoken, wanted));
}

/** Sweden writes 2026-05-14 10:12. */
const LIKE_ISO = 'sv-SE';

/** Without names of months. */
function withNumbers(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormatOptions {
  return options.dateStyle ? { ...options, dateStyle: 'short' } : options;
}

/** The moment that the store tells as `YYYYMMDDTHHMMSS`; null for what is none. */
export function momentOf(told: string): Date | null {
  const parts = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})$/.exec(told);
  if (!parts) return null;
  const [, year, month, day, hours, minutes, seconds] = parts.map(Number);
  return new Date(Date.UTC(year ?? 0, (month ?? 1) - 1, day, hours, minutes, seconds));
}
