# SPDX-License-Identifier: Apache-2.0
"""How tests look at pages of Explorer."""

import time
from collections.abc import Callable, Iterator

from playwright.sync_api import Error, Page, Request, expect

from outside import ROOT

EXPLORER = ROOT / "services" / "gateway" / "explorer"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
LANGUAGES = {"de": "Einstellungen", "fr": "Réglages", "en": "Settings"}
"""The languages of the page, and what a button of every page is called in them; the one that tests
begin in is last."""
CHOSEN_ELSEWHERE = """language => {
  const chosen = JSON.parse(localStorage.getItem('pons-explorer') ?? '{}');
  localStorage.setItem('pons-explorer', JSON.stringify({ ...chosen, language }));
  dispatchEvent(new StorageEvent('storage', { key: 'pons-explorer' }));
}"""
"""What a page hears when its user has chosen a language in another tab."""
FITS = "document.documentElement.scrollWidth <= window.innerWidth"
"""Whether the page itself does not scroll sideways."""
Open = Callable[..., Page]
"""Opens a page below /explorer/, as somebody new sees it."""
HAS_SHOWN = "new Promise(shown => requestAnimationFrame(() => requestAnimationFrame(shown)))"
"""Settles once what the page has drawn so far is on the screen."""
NETWORK_CHANGED = "net::ERR_NETWORK_CHANGED"
TRIES = 20
LOOK = """async (runOnly) => {
  const announced = [...document.querySelectorAll('[data-live-announcer] [role=img]')];
  const exclude = announced.filter((one) =>
    !one.getAttribute('aria-labelledby').split(' ').some((id) => document.getElementById(id)));
  const context = { include: [document], exclude };
  return (await axe.run(context, { runOnly, resultTypes: ['violations'] })).violations;
}"""
"""What has told for some seconds that a button is busy points to the button, which may be gone: it
is left out. Of what it finds good axe would describe each element, which is most of its work."""


def visit(page: Page, address: str, faults: list[str] | None = None) -> None:
    """Open an address, anew where a network of this machine came or went meanwhile.

    `faults` hears of errors of the page; those of a load that was given up are taken off it.
    """
    _load(page, address, lambda: page.goto(address), [] if faults is None else faults)


def reload(page: Page) -> None:
    """Load the page again, and once more where a network of this machine came or went meanwhile."""
    _load(page, page.url, page.reload, [])


def _load(page: Page, address: str, load: Callable[[], object], faults: list[str]) -> None:
    """Chromium gives all requests up when a network comes or goes, and a page whose script was
    among them stays empty: stores in containers have networks, and may be tested at the same time.
    """
    given_up: list[str] = []

    def note(request: Request) -> None:
        if request.failure == NETWORK_CHANGED:
            given_up.append(request.url)

    page.on("requestfailed", note)
    before = len(faults)
    for _ in range(TRIES):
        given_up.clear()
        del faults[before:]
        try:
            load()
        except Error as error:
            if NETWORK_CHANGED not in error.message:
                raise
        else:
            if not given_up:
                break
    else:
        raise AssertionError(f"the network changed at each of {TRIES} tries to open {address}")
    page.remove_listener("requestfailed", note)


def in_each_language(page: Page) -> Iterator[str]:
    """The page as it is, in one language after the other, as if chosen in another tab."""
    for language, settings in LANGUAGES.items():
        page.evaluate(CHOSEN_ELSEWHERE, language)
        # Behind a dialog it has no role, and no name that is told.
        expect(page.locator(f'header button[aria-label="{settings}"]')).to_be_attached()
        expect(page.locator(f'html[lang="{language}"]')).to_be_attached()
        yield language


def faults_in_each_language(page: Page) -> list[str]:
    """What axe has to say of the page in all languages, and where it then scrolls sideways."""
    faults = []
    for language in in_each_language(page):
        faults += [f"{language}: {fault}" for fault in faults_of(page)]
        if not page.evaluate(FITS):
            faults.append(f"{language}: scrolls sideways")
    return faults


def faults_of(page: Page) -> list[str]:
    """What axe has to say of the page.

    The other theme has other colours and nothing else, so they alone are looked at in it.
    """
    if page.evaluate("typeof axe === 'undefined'"):
        page.evaluate((EXPLORER / "node_modules" / "axe-core" / "axe.min.js").read_text())
    faults = _faults(page, {"type": "tag", "values": RULES})
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    page.emulate_media(color_scheme="light" if dark else "dark")
    faults += _faults(page, {"type": "rule", "values": ["color-contrast"]})
    page.emulate_media(color_scheme="dark" if dark else "light")
    return faults


def _faults(page: Page, only: dict[str, object]) -> list[str]:
    return [
        f"{violation['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
        for violation in page.evaluate(LOOK, only)
        for node in violation["nodes"]
    ]


def until(page: Page, condition: Callable[[], object]) -> None:
    """Wait for what is no part of the page; it goes on meanwhile."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, "not within two minutes"
        page.wait_for_timeout(50)


def choose(page: Page) -> None:
    """Select the first row of the list, and have the keyboard there."""
    expect(page.locator('[aria-rowindex="2"] a')).to_be_visible()
    page.locator('[aria-rowindex="2"] input').click()
    expect(page.get_by_text("1 selected")).to_be_visible()


def rows(page: Page) -> list[str]:
    """The names in the rows that exist, from the top."""
    return page.get_by_role("grid").locator("a").all_inner_texts()
