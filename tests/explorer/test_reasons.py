# SPDX-License-Identifier: Apache-2.0
"""Why something cannot be done: said where one looks for its button."""

from playwright.sync_api import Page, expect

from browsing import Open, faults_of, in_each_language, visit
from outside import Store

CHANGING = {"upload", "delete", "label", "protect"}
REASON = {
    "en": "This store is read-only",
    "de": "Dieser Speicher ist nur zum Lesen",
    "fr": "Cette archive est en lecture seule",
}


def read_only(page: Page, store: Store) -> None:
    """From the next load on the store is one that is only read."""
    told = store.get("/explorer/api/session")
    told |= {"readOnly": True, "actions": sorted(set(told["actions"]) - CHANGING)}
    page.route("**/explorer/api/session", lambda route: route.fulfill(json=told))


def test_a_store_that_is_only_read(explorer: Open, store: Store) -> None:
    """Beside what can be done with studies that are chosen, on the page of one, and where files are
    uploaded, which an old bookmark may lead to."""
    page = explorer("upload")
    read_only(page, store)
    visit(page, "/explorer/?q=P0007")
    first = page.locator('[aria-rowindex="2"]')
    expect(first.locator("a")).to_be_visible()
    first.locator("input").click()
    for language in in_each_language(page):
        expect(page.get_by_role("note").get_by_text(REASON[language])).to_be_visible()
        assert faults_of(page) == [], language
    page.keyboard.press("Escape")
    expect(page.get_by_text(REASON["en"])).to_have_count(0)
    first.locator("a").click()
    for language in in_each_language(page):
        expect(page.get_by_role("toolbar").get_by_text(REASON[language])).to_be_visible()
    visit(page, "/explorer/upload")
    expect(page.get_by_role("note").get_by_text(REASON["en"])).to_be_visible()
    expect(page.get_by_role("button", name="Choose files")).to_have_count(0)


def test_what_is_not_loaded_is_not_protected(explorer: Open) -> None:
    """The button is there and says why, to who hears it and to who presses it or its key."""
    page = explorer("?q=Thorax")
    expect(page.locator('[aria-rowindex="2"] a')).to_be_visible()
    page.get_by_role("grid").focus()
    page.keyboard.press("Control+a")
    expect(page.get_by_text("100 selected")).to_be_visible()
    protect = page.get_by_role("button", name="Protect", exact=True)
    expect(protect).to_be_enabled()
    page.get_by_role("button", name="Select all 239 that match").click()
    expect(page.get_by_text("239 selected")).to_be_visible()
    expect(protect).to_be_disabled()
    reason = "Patients are protected row by row: select rows that the list shows."
    expect(protect).to_have_accessible_description(reason)
    notice = page.get_by_role("region", name="Notices").get_by_text(reason)
    expect(notice).to_have_count(0)
    page.keyboard.press("h")
    expect(notice.last).to_be_visible()
    assert faults_of(page) == []
