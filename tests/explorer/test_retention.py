# SPDX-License-Identifier: Apache-2.0
"""Retention rules in a browser: written, looked at before they hold, enabled, removed."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from browsing import Open, faults_in_each_language, faults_of
from outside import Store


@pytest.fixture(autouse=True)
def nothing_else(store: Store) -> Iterator[None]:
    """What a test adds goes with it."""
    yield
    for name in store.get("/retention/rules"):
        store.http.delete(f"/retention/rules/{name}").raise_for_status()


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name))


def test_a_rule(explorer: Open, store: Store) -> None:
    """It rests until it is enabled; what it would do is told, with why studies stay."""
    page = explorer("operate")
    page.get_by_role("link", name="Retention rules").click()
    page.wait_for_url("**/explorer/operate/retention")
    expect(page.get_by_text("There is no rule")).to_be_visible()
    page.get_by_role("button", name="Add a rule").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("old")
    dialog.get_by_label("Days to keep").fill("0")
    page.keyboard.press("Tab")
    expect(dialog.get_by_text("More than 0 days, at most 36500.")).to_be_visible()
    dialog.get_by_label("Days to keep").fill("0.000001")
    dialog.get_by_label("What (1)").fill("PatientID")
    dialog.get_by_label("Is one of (1)").fill("P0004")
    assert faults_of(page) == []
    dialog.get_by_role("button", name="Save").click()
    expect(row(page, "old")).to_contain_text("PatientID = P0004")
    assert store.get("/retention/rules/old")["Enabled"] is False
    page.get_by_role("button", name="Preview of old").click()
    preview = page.get_by_role("region", name="Preview of old")
    expect(preview.get_by_role("listitem")).to_have_count(1)
    expect(preview).to_contain_text("stays:")
    assert faults_of(page) == []
    page.get_by_role("button", name="Change old").click()
    expect(dialog.get_by_label("What (1)")).to_have_value("PatientID")
    kept = store.get("/retention/rules/old")
    store.http.put("/retention/rules/old", json=kept | {"KeepDays": 30}).raise_for_status()
    dialog.get_by_label("Days to keep").fill("60")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Somebody has changed this meanwhile.")
    dialog.get_by_role("button", name="Overwrite it").click()
    expect(row(page, "old")).to_contain_text("60 days")
    page.get_by_role("button", name="Enable old").click()
    expect(page.get_by_role("button", name="Disable old")).to_be_visible()
    assert store.get("/retention/rules/old")["Enabled"] is True
    page.get_by_role("button", name="Remove old").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("There is no rule")).to_be_visible()
    assert store.get("/retention/rules") == []


def test_accessible(explorer: Open, store: Store) -> None:
    """The list and its form in a narrow window, as axe sees them."""
    rule = {"When": [{"Origin": "NM*"}], "KeepDays": 90, "Enabled": False}
    store.http.put("/retention/rules/nm", json=rule).raise_for_status()
    page = explorer("operate/retention", viewport={"width": 768, "height": 1024})
    expect(row(page, "nm")).to_be_visible()
    assert faults_in_each_language(page) == []
    row(page, "nm").get_by_role("button").nth(2).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert faults_in_each_language(page) == []
