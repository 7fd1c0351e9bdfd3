// SPDX-License-Identifier: Apache-2.0
/** What one person has chosen in one browser: kept there, never sent. */
import { useSyncExternalStore } from 'react';

export interface Preferences {
  theme: 'system' | 'light' | 'dark';
  /** Empty: what the store or else the browser says. */
  language: string;
  /** How high rows of lists are; `auto`: higher for fingers. */
  rows: 'auto' | 'compact' | 'comfortable';
  /** `iso`: 2026-05-14 in every language. */
  dates: 'local' | 'iso';
  sideBar: boolean;
  /** Shortcuts of a single letter, which some people type by accident. */
  letterKeys: boolean;
  /** Identifiers of the columns of the study list, in their order; empty: those by default. */
  columns: string[];
  /** Widths in rem of columns whose width was changed. */
  widths: Record<string, number>;
}

const KEY = 'pons-explorer';
const DEFAULTS: Preferences = {
  theme: 'system',
  language: '',
  rows: 'auto',
  dates: 'local',
  sideBar: true,
  letterKeys: true,
  columns: [],
  widths: {},
};

const listeners = new Set<() => void>();
let now = read();

function read(): Preferences {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    return sound(kept) ? { ...DEFAULTS, ...kept } : DEFAULTS;
  } catch {
    return DEFAULTS; // storage is forbidden or holds no JSON: the page works with its defaults
  }
}

/** Whether every member that is there has the type that the page expects of it. */
function sound(kept: unknown): kept is Partial<Preferences> {
  if (typeof kept !== 'object' || kept === null) return false;
  return Object.entries(kept).every(([name, value]) => {
    const expected = DEFAULTS[name as keyof Preferences];
    return typeof value === typeof expected && Array.isArray(value) === Array.isArray(expected);
  });
}

export function preferences(): Preferences {
  return now;
}

export function prefer(changed: Partial<Preferences>): void {
  now = { ...now, ...changed };
  try {
    localStorage.setItem(KEY, JSON.stringify(now));
  } catch {
    // Where storage is forbidden a choice holds until the page is left.
  }
  tell();
}

function tell(): void {
  for (const listener of listeners) listener();
}

/** Another tab has chosen something: it holds here, too, and is not undone by what is chosen here. */
function hear({ key }: StorageEvent): void {
  if (key !== KEY && key !== null) return;
  now = read();
  tell();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener('storage', hear); // once, however often it is asked for
  return () => listeners.delete(listener);
}

export function usePreferences(): Preferences {
  return useSyncExternalStore(subscribe, preferences);
}
