// SPDX-License-Identifier: Apache-2.0
import { IntlMessageFormat } from 'intl-messageformat';
import { describe, expect, it } from 'vitest';
import de from './de';
import en from './en';
import fr from './fr';
import pseudo from './pseudo';
import { flat } from './tree';

/** Names of the arguments and tags of a message. */
function holes(text: string, language: string): string[] {
  const names = new Set<string>();
  const walk = (parts: readonly unknown[]) => {
    for (const part of parts as {
      type: number;
      value: string;
      options?: Record<string, { value: unknown[] }>;
      children?: unknown[];
    }[]) {
      if (part.type !== 0 && part.type !== 7) names.add(part.value);
      for (const option of Object.values(part.options ?? {})) walk(option.value);
      walk(part.children ?? []);
    }
  };
  walk(new IntlMessageFormat(text, language).getAst());
  return [...names].sort();
}

describe.each([
  ['de', de],
  ['fr', fr],
  ['xx', pseudo],
])('messages in %s', (language, messages) => {
  const english = flat(en);
  const others = flat(messages);

  it('has the texts that English has', () => {
    expect([...others.keys()].sort()).toEqual([...english.keys()].sort());
  });

  it('uses the same arguments', () => {
    for (const [name, text] of others) {
      const locale = language === 'xx' ? 'en' : language;
      expect([name, holes(text, locale)]).toEqual([name, holes(english.get(name) ?? '', 'en')]);
    }
  });
});
