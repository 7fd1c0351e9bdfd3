// SPDX-License-Identifier: Apache-2.0
/** What the store takes in its forms, told at the field before anything is sent; the store checks again. */

/** The key of the sentence that says what is expected; null where the text is fine. */
export type Check = (text: string) => Mistake | null;
export type Mistake =
  | 'needed'
  | 'wantsAet'
  | 'wantsCode'
  | 'wantsConditions'
  | 'wantsPort'
  | 'wantsSeconds'
  | 'wantsDays'
  | 'wantsDoing'
  | 'wantsHost'
  | 'wantsName'
  | 'nameTaken'
  | 'wantsUrl'
  | 'wantsUser'
  | 'wantsHeaders';

export const needed: Check = (text) => (text.trim() ? null : 'needed');
const whole = (text: string): number => (/^\d{1,9}$/.test(text.trim()) ? Number(text) : Number.NaN);

/** PS3.5 6.2: 16 characters without backslash, not only spaces. */
const AET = /^[ -[\]-~]{1,16}$/;
/** CS (PS3.5 6.2). */
const CODE = /^[A-Z0-9 _]{1,16}$/;
/** A name, or an address of either kind: no port, and no address of the web. */
const HOST = /^[^\s/@[\]:]+$|^[^\s/@[\]:]*:[^\s/@[\]]*:[^\s/@[\]]*$/;
const HEADER = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+: ?[\t\x20-\x7e\x80-\xff]*$/;

export const host: Check = (text) => needed(text) ?? (HOST.test(text.trim()) ? null : 'wantsHost');
export const aet: Check = (text) => needed(text) ?? (AET.test(text) ? null : 'wantsAet');
export const code: Check = (text) => needed(text) ?? (CODE.test(text) ? null : 'wantsCode');
export const anyAet: Check = (text) => (text.trim() ? aet(text) : null);
export const port: Check = (text) =>
  whole(text) >= 1 && whole(text) <= 65534 ? null : 'wantsPort';
export const seconds: Check = (text) => (whole(text || '0') >= 0 ? null : 'wantsSeconds');
/** A number of days, in which a comma is a point. */
export const days: Check = (text) => {
  const number = Number(text.trim().replace(',', '.') || Number.NaN);
  return number > 0 && number <= 36500 ? null : 'wantsDays';
};
export const conditions: Check = (text) => {
  try {
    return Array.isArray(JSON.parse(text)) ? null : 'wantsConditions';
  } catch {
    return 'wantsConditions';
  }
};
export const user: Check = (text) => (text.includes(':') ? 'wantsUser' : null);

/** A name that is not one of `taken`; blanks around it, as they come with what is pasted, are none of it. */
export function newName(taken: readonly string[]): Check {
  return (text) => {
    const name = text.trim();
    if (!/^[A-Za-z0-9_-]+$/.test(name)) return 'wantsName';
    return taken.includes(name) ? 'nameTaken' : null;
  };
}

export const url: Check = (text) => {
  try {
    const { protocol, username, hash, search } = new URL(text.trim());
    // A browser would write spaces in it another way, the store takes none.
    const fine =
      /^https?:$/.test(protocol) && !username && !hash && !search && !/\s/.test(text.trim());
    return fine ? null : 'wantsUrl';
  } catch {
    return 'wantsUrl';
  }
};

const lines = (text: string): string[] => text.split('\n').filter((line) => line.trim());

export const headers: Check = (text) =>
  lines(text).every((line) => HEADER.test(line)) ? null : 'wantsHeaders';

/** Lines of `Name: value` as an object. */
export function headersOf(text: string): Record<string, string> {
  return Object.fromEntries(
    lines(text).map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    }),
  );
}
