# SPDX-License-Identifier: Apache-2.0
"""Searches saved by name: there for the next visit, renamed, given away, deleted."""

import re

from playwright.sync_api import expect

from browsing import Open, faults_of
from outside import Store


def test_a_view_from_its_name_to_its_end(explorer: Open, store: Store) -> None:
    """Saved by keyboard, found again in another browser, renamed, deleted."""
    page = explorer("?q=Dubois&sort=id")
    page.get_by_role("button", name="Save view").press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name of the view").press_sequentially("Ours")
    assert faults_of(page) == []
    page.keyboard.press("Enter")
    side = page.get_by_role("navigation", name="Pages")
    expect(side.get_by_role("link", name="Ours")).to_have_attribute("aria-current", "page")

    other = explorer()
    side = other.get_by_role("navigation", name="Pages")
    side.get_by_role("link", name="Ours").click()
    expect(other).to_have_url(re.compile(r"\?q=Dubois&sort=id$"))
    expect(other.get_by_text("40 studies").first).to_be_visible()
    assert faults_of(other) == []
    other.get_by_role("button", name="Save view").click()
    other.get_by_label("Name of the view").fill("ours")
    other.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(other.get_by_role("alert")).to_contain_text("There is a view 'ours' already")
    other.keyboard.press("Escape")
    other.get_by_role("dialog").get_by_role("button", name="Go on typing").click()
    expect(other.get_by_label("Name of the view")).to_have_value("ours")
    other.keyboard.press("Escape")
    other.get_by_role("button", name="Throw away").click()
    expect(other.get_by_role("dialog")).to_have_count(0)

    side.get_by_role("button", name="View Ours: what to do").click()
    other.get_by_role("menuitem", name="Rename").click()
    other.get_by_label("Name of the view").fill("Theirs")
    other.get_by_role("dialog").get_by_role("button", name="Rename").click()
    expect(side.get_by_role("link", name="Theirs")).to_be_visible()
    side.get_by_role("button", name="View Theirs: what to do").click()
    expect(other.get_by_role("menuitem", name="Copy the link")).to_be_visible()
    assert faults_of(other) == []
    other.get_by_role("menuitem", name="Delete").click()
    expect(side.get_by_role("link", name="Theirs")).to_have_count(0)
    assert store.get("/explorer/api/views") == []
