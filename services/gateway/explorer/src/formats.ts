// SPDX-License-Identifier: Apache-2.0
/**
 * Formats of numbers and times, each made once: to make one takes longer than to draw a row, and
 * `toLocaleString` with options makes one for every value.
 */
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

export function timeFormat(locale: string, options: Intl.DateTimeFormatOptions) {
  const key = `${locale} ${JSON.stringify(options)}`;
  return kept(times, key, () => new Intl.DateTimeFormat(locale, options));
}
