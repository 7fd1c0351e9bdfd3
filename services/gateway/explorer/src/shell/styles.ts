// SPDX-License-Identifier: Apache-2.0
/** Styles that did not come, as on a network that is cut for a moment: asked for until they do. */
import { useSyncExternalStore } from 'react';

/** Milliseconds until the second try; from then on each waits twice as long as the one before. */
const WAIT = 1_000;
const LONGEST = 30_000;
/** After so many answers that there is none, all of one row: another gateway may have it still. */
const MISSING = 3;
/** What Vite says of a style; it never asks for one twice. */
const LACKING = /^Unable to preload CSS for (\S+)$/;

let gone = false;
const listeners = new Set<() => void>();

function ask(address: string, wait = 0, missed = 0): void {
  const again = (missing: number) =>
    ask(address, Math.min(Math.max(2 * wait, WAIT), LONGEST), missing);
  setTimeout(async () => {
    if (gone) return;
    // A link does not say why it failed. What this brings, the link has of the browser's memory.
    const answer = await fetch(address).catch(() => null);
    if (answer?.ok) {
      const link = document.createElement('link');
      link.rel = 'stylesheet';
      link.href = address;
      link.onerror = () => {
        link.remove();
        again(0);
      };
      document.head.append(link);
      return;
    }
    const missing = answer?.status === 404 ? missed + 1 : 0;
    if (missing < MISSING) return again(missing);
    gone = true;
    for (const listener of listeners) listener();
  }, wait);
}

/** Whether a link has brought its style: Chromium gives one that failed a sheet that cannot be read. */
function hasCome({ sheet }: HTMLLinkElement): boolean {
  try {
    return sheet !== null && sheet.cssRules.length > 0;
  } catch {
    return false;
  }
}

/** The page that needs a style is shown meanwhile. */
export function keepAskingForStyles(): void {
  for (const link of document.querySelectorAll<HTMLLinkElement>('link[rel=stylesheet]')) {
    if (!hasCome(link)) ask(link.href); // of the page itself, tried before this runs
  }
  window.addEventListener('vite:preloadError', (event) => {
    const { payload } = event as Event & { payload: Error };
    const [, address] = LACKING.exec(payload.message) ?? [];
    if (!address) return;
    event.preventDefault();
    ask(address);
  });
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Whether the store has a style of this page no more, as after an upgrade: only a reload helps. */
export const useStyleGone = (): boolean => useSyncExternalStore(subscribe, () => gone);
