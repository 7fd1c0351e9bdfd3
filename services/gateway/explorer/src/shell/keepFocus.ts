// SPDX-License-Identifier: Apache-2.0
/**
 * Whoever works by keys goes on where they were: what has the focus and is taken away, leaves it to what
 * has come in its place, else to what is nearest.
 */
const TAKES_FOCUS =
  'a[href], button:not(:disabled), input:not(:disabled), select:not(:disabled), textarea:not(:disabled), [tabindex="0"]';
const OVER_THE_PAGE = '[role="dialog"], [role="alertdialog"], [role="menu"]';

/** From what had the focus up to the page: at which place each was in what it was part of. */
type Way = readonly { one: Element; within: Element; at: number }[];

function wayOf(target: Element, page: Element): Way {
  const way: { one: Element; within: Element; at: number }[] = [];
  for (let one = target; one !== page; one = one.parentElement as Element) {
    const within = one.parentElement;
    if (!within) return [];
    way.push({ one, within, at: [...within.children].indexOf(one) });
  }
  return way;
}

const isShown = (one: Element): boolean => one.checkVisibility({ visibilityProperty: true });

function takesFocus(one: Element): boolean {
  return one.isConnected && one.matches(TAKES_FOCUS) && isShown(one);
}

/** What is at the same place now, as far down as there still is one. */
function inItsPlace(way: Way, from: number): Element {
  let found = way[from]?.within as Element;
  for (let step = from; step >= 0; step -= 1) {
    if (step < from && found.matches(TAKES_FOCUS)) break;
    const { children } = found;
    const child = children[Math.min(way[step]?.at ?? 0, children.length - 1)];
    if (!child) break;
    found = child;
  }
  return found;
}

/** What is nearest to where the focus was; of a page that went as a whole, the heading of the next. */
function nextTo(way: Way): HTMLElement | null {
  for (let from = 0; from < way.length; from += 1) {
    const within = way[from]?.within;
    if (!within?.isConnected) continue;
    if (within.matches('main') || within.querySelector('main')) break;
    const all = [...within.querySelectorAll<HTMLElement>(TAKES_FOCUS)].filter(isShown);
    const place = inItsPlace(way, from);
    const found = all.find(
      (one) =>
        place.contains(one) ||
        place.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING,
    );
    const nearest = found ?? all.at(-1) ?? within;
    // Rows go when they are scrolled out of sight: their list has the focus.
    const list = nearest.closest<HTMLElement>('[role="grid"]');
    if (list ?? nearest !== within) return list ?? (nearest as HTMLElement);
  }
  return document.querySelector('main h1');
}

/** Until what is returned is called. */
export function keepFocus(page: Element): () => void {
  let way: Way = [];
  let frame = 0;

  const look = () => {
    const [last] = way;
    if (!last || document.activeElement !== document.body || takesFocus(last.one)) return;
    if (document.querySelector(OVER_THE_PAGE)) return;
    nextTo(way)?.focus();
  };
  const note = ({ target }: Event) => {
    if (target instanceof Element && page.contains(target)) way = wayOf(target, page);
  };
  // Who presses beside everything has left what had the focus.
  const forget = ({ target }: Event) => {
    const pressed = target instanceof Element ? target.closest(TAKES_FOCUS) : null;
    if (target instanceof Element && page.contains(target))
      way = pressed ? wayOf(pressed, page) : [];
  };
  const changed = new MutationObserver(() => {
    if (document.activeElement !== document.body) return;
    cancelAnimationFrame(frame);
    // After a dialog that went has given the focus back, and a page that came has taken it.
    frame = requestAnimationFrame(() => {
      frame = requestAnimationFrame(look);
    });
  });
  document.addEventListener('focusin', note);
  document.addEventListener('pointerdown', forget, true);
  changed.observe(document.body, { childList: true, subtree: true });
  return () => {
    cancelAnimationFrame(frame);
    changed.disconnect();
    document.removeEventListener('focusin', note);
    document.removeEventListener('pointerdown', forget, true);
  };
}
