# SPDX-License-Identifier: Apache-2.0
"""What a list asks of the store before its first row, and what waits for that."""

import pytest
from playwright.sync_api import Page, Request, Route, expect

from browsing import HAS_SHOWN, Open, until, visit

FIRST_ROW = '[aria-rowindex="2"] a'
FACETS = {"labels": [{"value": "Of a trial", "count": 3}], "modalities": []}
EVENTS = "/explorer/api/events"
BEHIND = ["/explorer/api/studies/facets", "/explorer/api/views"]
SHIFTS = """
window.shifts = 0;
new PerformanceObserver((list) => {
  for (const { sources } of list.getEntries())
    for (const { node } of sources)
      if ((node?.closest ? node : node?.parentElement)?.closest('#side-tools')) window.shifts += 1;
}).observe({ type: 'layout-shift', buffered: true });
"""
"""Counts what is pushed of the views and labels in the side bar."""
ROW_COMES = f"""
new MutationObserver((_, observer) => {{
  if (!document.querySelector('{FIRST_ROW}')) return;
  window.rowCame = performance.now();
  observer.disconnect();
}}).observe(document, {{ childList: true, subtree: true }});
"""


class Asked:
    """What a page asks for, files of its build aside; its rows are held back until `give`."""

    def __init__(self, page: Page, rows: str) -> None:
        self.addresses: list[str] = []
        self._held: list[Route] = []
        page.on("request", self._note)
        page.route(f"**{rows}", self._hold)
        self._page = page
        self._given = False

    def _note(self, request: Request) -> None:
        if request.is_navigation_request():  # a load before this one was given up
            self.addresses.clear()
            self._held.clear()
        address = request.url.partition("//")[2].partition("/")[2].partition("?")[0]
        if not address.startswith("explorer/assets/"):
            self.addresses.append(f"/{address}")

    def _hold(self, route: Route) -> None:
        if self._given:
            route.continue_()
        else:
            self._held.append(route)

    def hold(self) -> list[str]:
        """All that was asked for once the page is drawn without its rows, which it waits for."""
        until(self._page, lambda: self._held)
        expect(self._page.get_by_role("grid")).to_be_visible()
        self._page.evaluate(HAS_SHOWN)
        return sorted(self.addresses)

    def give(self) -> None:
        self._given = True
        for route in self._held:
            route.continue_()

    def fail(self) -> None:
        for route in self._held:
            route.fulfill(status=400, json={"Details": "no"})


@pytest.mark.parametrize(
    ("page_of", "rows"),
    [("", "/explorer/api/studies"), ("patients", "/explorer/api/patients")],
)
def test_before_the_first_row(explorer: Open, page_of: str, rows: str) -> None:
    """The page, who asks, the stream of what happens, and the rows; all else comes behind these."""
    page = explorer("upload", alone=True)
    page.add_init_script("delete window.SharedWorker;")  # or the stream is asked for elsewhere
    asked = Asked(page, rows)
    visit(page, f"/explorer/{page_of}")
    until(page, lambda: EVENTS in asked.addresses)
    page_and_session = [f"/explorer/{page_of}", "/explorer/api/session"]
    assert asked.hold() == sorted([*page_and_session, EVENTS, rows])
    asked.give()
    expect(page.locator(FIRST_ROW)).to_be_visible()
    if not page_of:
        until(page, lambda: set(BEHIND) <= set(asked.addresses))


def test_views_and_labels_come_behind_the_first_row(explorer: Open) -> None:
    """They take nothing from the store, nor of the page's time, until the row is in the page."""
    page = explorer("upload", alone=True)
    page.add_init_script(ROW_COMES)
    visit(page, "/explorer/")
    asked = f"""{BEHIND}.map((path) => performance.getEntriesByName(new URL(path, location).href)
      .map((one) => one.startTime - window.rowCame)[0])"""
    until(page, lambda: None not in page.evaluate(asked))
    assert min(page.evaluate(asked)) > 0


def test_rows_that_cannot_be_had(explorer: Open) -> None:
    """Views and labels are there all the same, once the store has refused the rows."""
    page = explorer("upload")
    asked = Asked(page, "/explorer/api/studies")
    visit(page, "/explorer/")
    assert not set(BEHIND) & set(asked.hold())
    asked.fail()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    until(page, lambda: set(BEHIND) <= set(asked.addresses))


def test_what_comes_behind_the_rows_moves_nothing(explorer: Open) -> None:
    """Labels that are there before the saved views wait for these, which stand above them."""
    page = explorer("upload", alone=True)
    page.add_init_script(SHIFTS)
    held: list[Route] = []
    page.route("**/explorer/api/views", lambda route: held.append(route))
    page.route("**/explorer/api/studies/facets", lambda route: route.fulfill(json=FACETS))
    with page.expect_response("**/explorer/api/studies/facets"):
        visit(page, "/explorer/")
    until(page, lambda: held)
    side = page.get_by_role("navigation", name="Pages")
    page.evaluate(HAS_SHOWN)
    expect(side.get_by_role("link", name="Of a trial")).to_have_count(0)
    held[-1].fulfill(json=[{"id": "1", "name": "Ours", "search": "q=a"}])
    expect(side.get_by_role("link", name="Of a trial")).to_be_visible()
    expect(side.get_by_role("link", name="Ours")).to_be_visible()
    # What the settings of this store fix: the stream tells of it later.
    expect(side.get_by_role("link", name="fixed")).to_be_visible()
    page.evaluate(HAS_SHOWN)
    assert page.evaluate("window.shifts") == 0
