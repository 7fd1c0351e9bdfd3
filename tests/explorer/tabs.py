# SPDX-License-Identifier: Apache-2.0
"""Tabs that tests look at pages in: one for all of them, and new ones for who needs that."""

import json
from typing import Any

from playwright.sync_api import Browser, Error, Page

from browsing import visit

WAIT = 60_000
"""Milliseconds after which something has not happened: a busy machine is slow."""
WINDOW = {"width": 1280, "height": 800}
NOWHERE = "/explorer/api/session"
"""Shows no page of Explorer, and has the storage that these have."""
WATCH = """
window.violations = [];
document.addEventListener('securitypolicyviolation', (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
"""


class Tab:
    """A tab of a browser that has no other one, unless its test opens more."""

    def __init__(self, browser: Browser, address: str, options: dict[str, Any]) -> None:
        self.faults: list[str] = []
        """Errors of its pages that nobody handled."""
        given = {"locale": "en-GB", "viewport": WINDOW} | options
        self._context = browser.new_context(base_url=address, **given)
        self._context.set_default_timeout(WAIT)
        self._context.add_init_script(WATCH)
        self.page = self._context.new_page()
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        # Seen where a test fails: Chromium gives requests up, say when a network comes or goes.
        self.page.on("requestfailed", lambda one: print(one.method, one.url, one.failure))

    def open(self, path: str, preferences: dict[str, Any] | None = None) -> Page:
        """Show a page of Explorer, to somebody who has chosen these preferences before."""
        if preferences:
            visit(self.page, NOWHERE, self.faults)
            kept = json.dumps(preferences)
            self.page.evaluate("kept => localStorage.setItem('pons-explorer', kept)", kept)
        visit(self.page, f"/explorer/{path}", self.faults)
        return self.page

    def told(self) -> list[str]:
        """What was wrong with its pages: errors, and what their policy had to forbid."""
        violations = (page.evaluate("window.violations ?? []") for page in self._context.pages)
        return self.faults + [one for found in violations for one in found]

    def cleared(self) -> bool:
        """Make it as a new one is, but for the files that Chromium keeps; whether that was done."""
        try:
            self.page.unroute_all(behavior="ignoreErrors")
            visit(self.page, NOWHERE, [])
            self.page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
            self._context.clear_cookies()
            self.page.emulate_media(color_scheme="light")
            self.page.set_viewport_size({"width": WINDOW["width"], "height": WINDOW["height"]})
            self.page.mouse.move(0, 0)
        except (Error, AssertionError) as error:
            print("the tab is given up:", error)
            return False
        self.faults.clear()
        return True

    def close(self) -> None:
        self._context.close()


class Tabs:
    """Lends tabs to a test, and takes them back.

    A new tab is a process of Chromium, in which every script is read and compiled again: that
    costs more than most of what tests do. So a test gets the tab of the test before it.
    """

    def __init__(self, browser: Browser, address: str) -> None:
        self._browser, self._address = browser, address
        self._shared: Tab | None = None
        self._lent: list[Tab] = []

    def lend(self, alone: bool, **options: Any) -> Tab:
        """The tab of all tests, at its first call in a test; else, and `alone`, a new one."""
        if alone or options or self._lent:
            tab = Tab(self._browser, self._address, options)
        else:
            tab = self._shared = self._shared or Tab(self._browser, self._address, {})
        self._lent.append(tab)
        return tab

    def take_back(self, failed: bool) -> list[str]:
        """What was wrong with their pages; a test that `failed` leaves nothing to the next one."""
        lent, self._lent = self._lent, []
        try:
            return [one for tab in lent for one in tab.told()]
        finally:
            for tab in lent:
                if tab is not self._shared:
                    tab.close()
                elif failed or not tab.cleared():
                    self._shared = None
                    tab.close()

    def close(self) -> None:
        """Close what is left."""
        if self._shared:
            self._shared.close()
