// SPDX-License-Identifier: Apache-2.0
/** English with foreign letters and a third longer: what is not translated, or does not fit, shows. */
import type { Messages } from '.';
import en from './en';
import { mapped } from './tree';

const LETTERS: Record<string, string> = {
  a: 'å',
  c: 'ç',
  e: 'é',
  i: 'î',
  n: 'ñ',
  o: 'ö',
  s: 'š',
  u: 'ü',
  y: 'ý',
  A: 'Å',
  E: 'É',
  S: 'Š',
  U: 'Û',
};

/** The words of a message changed, but nothing within braces and tags. */
export function pseudo(text: string): string {
  const parts = text.split(/(\{[^{}]*\}|<[^>]*>)/);
  if (/, *(plural|select)/.test(text)) return `[${text}]`;
  const foreign = parts.map((part) =>
    /^[{<]/.test(part) ? part : part.replace(/[a-z]/gi, (letter) => LETTERS[letter] ?? letter),
  );
  return `[${foreign.join('')}${'·'.repeat(Math.ceil(text.length / 3))}]`;
}

export default mapped(en, pseudo) as Messages;
