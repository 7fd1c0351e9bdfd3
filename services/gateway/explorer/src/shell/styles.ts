// SPDX-License-Identifier: Apache-2.0
/** Styles that did not come, as on a network that is cut for a moment: asked for until they do. */

/** Milliseconds until the next try; each waits twice as long as the one before. */
const WAIT = 1_000;
const LONGEST = 30_000;
/** What Vite says of a style; it never asks for one twice. */
const LACKING = /^Unable to preload CSS for (\S+)$/;

function ask(address: string, wait: number): void {
  const link = document.createElement('link');
  link.rel = 'stylesheet';
  link.href = address;
  link.onerror = () => {
    link.remove();
    setTimeout(() => ask(address, Math.min(2 * wait, LONGEST)), wait);
  };
  document.head.append(link);
}

/** The page that needs a style is shown meanwhile. */
export function keepAskingForStyles(): void {
  for (const link of document.querySelectorAll<HTMLLinkElement>('link[rel=stylesheet]')) {
    if (link.sheet === null) ask(link.href, WAIT); // of the page itself, tried before this runs
  }
  window.addEventListener('vite:preloadError', (event) => {
    const { payload } = event as Event & { payload: Error };
    const [, address] = LACKING.exec(payload.message) ?? [];
    if (!address) return;
    event.preventDefault();
    ask(address, WAIT);
  });
}
