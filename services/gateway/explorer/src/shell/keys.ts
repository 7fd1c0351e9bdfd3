// SPDX-License-Identifier: Apache-2.0
/** Shortcuts: each part of a page says which keys it takes while it is there. */
import { useEffect, useId, useRef, useSyncExternalStore } from 'react';
import { preferences } from '../preferences';

export interface Shortcut {
  /** As `KeyboardEvent.key` says, after `Ctrl+` or `Shift+`; two after each other with a space: `g u`. */
  keys: string;
  text: string;
  /** Left out where the part itself takes the key: then it is only told. */
  run?: (event: KeyboardEvent) => void;
}

const groups = new Map<string, Shortcut[]>();
const listeners = new Set<() => void>();
let all: Shortcut[] = [];
let pending = '';
let pendingSince = 0;
const PENDING_LASTS = 1_200;

function changed(): void {
  all = [...groups.values()].flat();
  for (const listener of listeners) listener();
}

/** These shortcuts hold while the component is shown. */
export function useShortcuts(shortcuts: Shortcut[]): void {
  const id = useId();
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  const described = JSON.stringify(
    shortcuts.map(({ keys, text, run }) => [keys, text, run !== undefined]),
  );
  useEffect(() => {
    const named = JSON.parse(described) as [string, string, boolean][];
    groups.set(
      id,
      named.map(([keys, text, runs], index) =>
        runs ? { keys, text, run: (event) => latest.current[index]?.run?.(event) } : { keys, text },
      ),
    );
    changed();
    return () => {
      groups.delete(id);
      changed();
    };
  }, [id, described]);
}

export function useAllShortcuts(): Shortcut[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => all,
  );
}

/** Whether what has the focus takes letters itself. */
function takesText(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable ||
      target instanceof HTMLTextAreaElement ||
      target instanceof HTMLSelectElement ||
      (target instanceof HTMLInputElement &&
        !['checkbox', 'radio', 'button'].includes(target.type)))
  );
}

function nameOf(event: KeyboardEvent): string {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const shift = event.shiftKey && event.key.length > 1 ? 'Shift+' : '';
  return `${event.ctrlKey || event.metaKey ? 'Ctrl+' : ''}${shift}${key}`;
}

export function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.altKey || event.isComposing) return;
  const dialog = document.querySelector('[role="dialog"], [role="alertdialog"], [role="menu"]');
  if (dialog) return;
  const name = nameOf(event);
  const single = name.length === 1 && name !== '/';
  if (takesText(event.target) && !name.startsWith('Ctrl+')) return;
  if (takesText(event.target) && name === 'Ctrl+a') return;
  if (single && !preferences().letterKeys) return;
  const fresh = event.timeStamp - pendingSince < PENDING_LASTS;
  const sequence = pending && fresh ? `${pending} ${name}` : name;
  const taken = all.filter(({ run }) => run !== undefined);
  const found =
    taken.findLast(({ keys }) => keys === sequence) ?? taken.findLast(({ keys }) => keys === name);
  pending = '';
  if (found) {
    event.preventDefault();
    found.run?.(event);
  } else if (all.some(({ keys }) => keys.startsWith(`${name} `))) {
    pending = name;
    pendingSince = event.timeStamp;
  }
}
