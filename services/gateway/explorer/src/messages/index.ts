// SPDX-License-Identifier: Apache-2.0
/** The languages of the page, each loaded when it is wanted. */
import type en from './en';

export type Messages = typeof en;
export const LANGUAGES = { en: 'English', de: 'Deutsch', fr: 'Français' } as const;
export type Language = keyof typeof LANGUAGES | 'xx';

/** Only for tests: English made longer and foreign, so that text in the code stands out. */
export const PSEUDO = 'xx';

/** The first of the languages wished for that the page speaks, else English. */
export function languageOf(wishes: readonly string[]): Language {
  for (const wish of wishes) {
    const known = wish.toLowerCase().split('-')[0] ?? '';
    if (known === PSEUDO || known in LANGUAGES) return known as Language;
  }
  return 'en';
}

export async function loadMessages(language: Language): Promise<Messages> {
  switch (language) {
    case 'de':
      return (await import('./de')).default;
    case 'fr':
      return (await import('./fr')).default;
    case 'xx':
      return (await import('./pseudo')).default;
    default:
      return (await import('./en')).default;
  }
}

/** What React Aria and Intl call it. */
export const localeOf = (language: Language): string =>
  ({ en: 'en-GB', de: 'de-DE', fr: 'fr-FR', xx: 'en-GB' })[language];

declare module 'use-intl' {
  interface AppConfig {
    Messages: Messages;
  }
}
