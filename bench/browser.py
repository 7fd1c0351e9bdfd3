# SPDX-License-Identifier: Apache-2.0
"""A page of Explorer in a real Chromium, watched from before its first script on."""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page

from stores import RunningStore

PATIENCE = 120_000
"""Milliseconds after which something has not happened."""
PROBE = """
window.told = {lcp: 0, rows: 0, there: 0, shifts: 0, inputs: [], longest: []};
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) told.lcp = one.startTime;
}).observe({type: 'largest-contentful-paint', buffered: true});
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) told.shifts += one.value;
}).observe({type: 'layout-shift', buffered: true});
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (one.interactionId) told.inputs.push(one.duration);
}).observe({type: 'event', durationThreshold: 16, buffered: true});
const row = () => document.querySelector('[aria-rowindex="2"] a');
const look = () => {
  if (row()) told.rows = performance.now();
  else requestAnimationFrame(look);
};
requestAnimationFrame(look);
// Before the next refresh the page asks for what comes behind its rows.
new MutationObserver((_, observer) => {
  if (!row()) return;
  told.there = performance.now();
  observer.disconnect();
}).observe(document, {childList: true, subtree: true});
"""
"""What the page is watched for, from before its first script on."""


def median(values: list[float]) -> str:
    """The median, and the worst beside it."""
    if len(values) == 1:
        return f"{values[0]:.0f}"
    return f"{statistics.median(values):.0f} (worst {max(values):.0f})"


def until(page: Page, expression: str) -> None:
    """Return once this is true. Not by `wait_for_function`, whose strings the policy refuses."""
    deadline = time.monotonic() + PATIENCE / 1000
    while not page.evaluate(f"Boolean({expression})"):
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {PATIENCE / 1000:.0f} s: {expression}")
        page.wait_for_timeout(10)


TOLD = """([place, words]) => new Promise((done) => {
  const look = () => {
    if (document.querySelector(place)?.textContent.includes(words)) done();
    else setTimeout(look, 50);
  };
  look();
})"""


def until_told(page: Page, place: str, words: str) -> None:
    """Return once the element has these words. The page looks for them itself: to ask it from
    outside again and again takes a part of what is measured."""
    page.evaluate(TOLD, [place, words])


def tell(row: str, what: str, target: str, measured: str) -> None:
    print(f"| {row} | {what} | {target} | {measured} |", flush=True)


class Bench:
    """A browser in front of a store."""

    def __init__(self, browser: Browser, store: RunningStore, repeat: int) -> None:
        self.browser = browser
        self.address = f"http://127.0.0.1:{store.http_port}"
        self.store = store
        self.repeat = repeat
        self.inputs: dict[str, list[float]] = {}

    @contextmanager
    def page(self, path: str = "") -> Iterator[Page]:
        """A page of a browser that has seen nothing of the store yet."""
        context = self.context()
        page = context.new_page()
        page.goto(f"{self.address}/explorer/{path}")
        yield page
        context.close()

    def context(self) -> BrowserContext:
        context = self.browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
        context.set_default_timeout(PATIENCE)
        context.add_init_script(PROBE)
        return context

    def note_inputs(self, flow: str, page: Page) -> None:
        """How long each input of a flow took until the screen showed it."""
        page.wait_for_timeout(300)
        found: list[float] = page.evaluate("told.inputs.splice(0)")
        self.inputs.setdefault(flow, []).extend(found or [16.0])


def heap(session: CDPSession) -> float:
    """MB of the scripts' objects that are in use."""
    session.send("HeapProfiler.collectGarbage")
    found = session.send("Performance.getMetrics")
    return next(one["value"] for one in found["metrics"] if one["name"] == "JSHeapUsedSize") / 1e6
