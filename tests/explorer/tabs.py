# SPDX-License-Identifier: Apache-2.0
"""Tabs that tests look at pages in: one for all of them, and new ones for who needs that."""

import json
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error, Page, ViewportSize

from browsing import visit

WAIT = 60_000
"""Milliseconds after which something has not happened: a busy machine is slow."""
WINDOW: ViewportSize = {"width": 1280, "height": 800}
NOWHERE = "/explorer/api/session"
"""Shows no page of Explorer, and has the storage that these have."""
WATCH = """
window.violations = [];
document.addEventListener('securitypolicyviolation', (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile} ` +
    `${event.target.outerHTML?.slice(0, 300)}`));
"""


class Tab:
    """A tab, and what is wrong with the pages in it and in those that it opens."""

    def __init__(self, context: BrowserContext, page: Page) -> None:
        self._context, self.page = context, page
        self.faults: list[str] = []
        """Errors of its pages that nobody handled."""
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        # Seen where a test fails: Chromium gives requests up, say when a network comes or goes.
        self.page.on("requestfailed", lambda one: print(one.method, one.url, one.failure))

    @classmethod
    def of_nobody(cls, browser: Browser, address: str, **options: Any) -> "Tab":
        """The only tab of somebody new."""
        given = {"locale": "en-GB", "viewport": WINDOW} | options
        context = browser.new_context(base_url=address, **given)
        context.set_default_timeout(WAIT)
        context.add_init_script(WATCH)
        return cls(context, context.new_page())

    def beside(self) -> "Tab":
        """One more of the same person, in the same process, which has the scripts already."""
        self._go_nowhere()
        with self.page.expect_popup() as opening:
            self.page.evaluate("() => { window.open('about:blank'); }")
        return Tab(self._context, opening.value)

    def open(self, path: str, preferences: dict[str, Any] | None = None) -> Page:
        """Show a page of Explorer, to somebody who has chosen these preferences before."""
        if preferences:
            self._go_nowhere()
            kept = json.dumps(preferences)
            self.page.evaluate("kept => localStorage.setItem('pons-explorer', kept)", kept)
        visit(self.page, f"/explorer/{path}", self.faults)
        return self.page

    def told(self) -> list[str]:
        """What was wrong with its pages: errors, and what their policy had to forbid."""
        violations = (page.evaluate("window.violations ?? []") for page in self._context.pages)
        return self.faults + [one for found in violations for one in found]

    def is_beside(self, other: "Tab") -> bool:
        """Whether both are of the same person, or the same."""
        return self._context == other._context

    def left(self, home: "Tab") -> bool:
        """Forget whoever had it, as if they had never been there, and what they have opened;
        whether that was done. Files that Chromium keeps stay."""
        try:
            self.page.unroute_all(behavior="ignoreErrors")
            self._go_nowhere()
            for page in self._context.pages:
                if page != home.page:
                    page.close()
            home.page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
            self._context.clear_cookies()
            self._context.clear_permissions()
            if self is home:
                self.page.emulate_media(color_scheme="light")
                self.page.set_viewport_size(WINDOW)
                self.page.mouse.move(0, 0)
        except (Error, AssertionError) as error:
            print("the tab is given up:", error)
            return False
        self.faults.clear()
        return True

    def end(self) -> None:
        """Close it with all others of the same person."""
        self._context.close()

    def _go_nowhere(self) -> None:
        if not self.page.url.endswith(NOWHERE):
            visit(self.page, NOWHERE, self.faults)


class Tabs:
    """Lends tabs to a test, and takes them back.

    Somebody new has a process of Chromium of their own, in which every script is read and compiled
    again: that costs more than most of what tests do. So tests are the same person, who forgets.
    """

    def __init__(self, browser: Browser, address: str) -> None:
        self._browser, self._address = browser, address
        self._homes: dict[bool, Tab] = {}
        """The tab of all tests, and the one beside which are those whose time is moved on."""
        self._lent: list[Tab] = []

    def lend(self, alone: bool, clock: bool, **options: Any) -> Tab:
        """The tab of all tests, at its first call in a test; `alone`, one that others never see.

        With `clock` it has a time of its own, which is the true one now and goes on. With
        `options`, and at further calls in a test, it is that of somebody else.
        """
        if options or self._lent:
            tab = Tab.of_nobody(self._browser, self._address, **options)
        else:
            if clock not in self._homes:
                self._homes[clock] = Tab.of_nobody(self._browser, self._address)
            home = self._homes[clock]
            tab = home.beside() if alone or clock else home
        if clock:
            tab.page.clock.install()
        self._lent.append(tab)
        return tab

    def take_back(self, failed: bool) -> list[str]:
        """What was wrong with their pages; a test that `failed` leaves nothing to the next one."""
        lent, self._lent = self._lent, []
        try:
            return [one for tab in lent for one in tab.told()]
        finally:
            for tab in lent:
                self._put_back(tab, failed)

    def _put_back(self, tab: Tab, failed: bool) -> None:
        for clock, home in self._homes.items():
            if tab.is_beside(home):
                if failed or not tab.left(home):
                    del self._homes[clock]
                    home.end()
                return
        tab.end()

    def close(self) -> None:
        """Close what is left."""
        for home in self._homes.values():
            home.end()
