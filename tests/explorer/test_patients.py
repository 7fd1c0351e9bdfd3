# SPDX-License-Identifier: Apache-2.0
"""The list of patients: whoever has a study that matches, by name, number or birth date."""

import pytest
from playwright.sync_api import Page, expect

from browsing import Open, faults_of, reload, until
from outside import Store
from patients import scan, send

PAGE = 100
"""Rows that are asked for at a time."""


@pytest.fixture
def three(store: Store) -> None:
    """Two studies of Abel, one each of Cain and of somebody without a name."""
    send(store, scan(9401, "Listed^Abel", "PL1", "20250102"))
    send(store, scan(9402, "Listed^Abel", "PL1", "20260203"))
    send(store, scan(9403, "Listed^Cain", "PL2", "20250304"))
    send(store, scan(9404, "", "PL3", "20250405"))


def expect_rows(page: Page, *names: str) -> None:
    expect(page.locator('[role="row"][aria-rowindex] a')).to_have_text(list(names))


def test_found_sorted_opened(explorer: Open, three: None) -> None:
    """From any page by two keys; words are those of the list of studies; Enter opens."""
    page = explorer("upload")
    side = page.get_by_role("navigation", name="Pages", exact=True)
    expect(side.get_by_role("link", name="Patients")).to_be_visible()
    page.keyboard.type("gp")
    page.wait_for_url("**/explorer/patients")
    expect(side.locator("[aria-current]")).to_have_text("Patients")
    page.get_by_role("searchbox", name="Search patients").fill("id:PL")
    expect(page.locator("strong", has_text="3 patients")).to_be_visible()
    expect_rows(page, "Listed, Abel", "Listed, Cain", "No name")
    page.get_by_role("button", name="Patient", exact=True).click()
    expect_rows(page, "Listed, Cain", "Listed, Abel", "No name")
    page.wait_for_url("**sort=-name*")
    reload(page)
    expect_rows(page, "Listed, Cain", "Listed, Abel", "No name")
    assert faults_of(page) == []

    abel = page.get_by_role("row").filter(has_text="Abel")
    expect(abel).to_contain_text("PL1")
    expect(abel.get_by_role("gridcell").nth(4)).to_have_text("2")
    expect(abel).to_contain_text("03/02/2026")
    page.get_by_role("grid").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/explorer/patients/*-*")
    expect(page.get_by_role("heading", name="Listed, Abel")).to_be_visible()


def test_by_what_a_study_has(explorer: Open, three: None) -> None:
    """All words have to hold of one study of the patient; a chip takes one of them back."""
    page = explorer("patients?q=listed+2026-02")
    expect_rows(page, "Listed, Abel")
    page.get_by_role("button", name="Remove date").click()
    expect_rows(page, "Listed, Abel", "Listed, Cain")


def test_nobody_found(explorer: Open, three: None) -> None:
    """It says so, and leads back to all."""
    page = explorer("patients?q=nobodyhere")
    expect(page.get_by_text("No patient has a study that matches.")).to_be_visible()
    assert faults_of(page) == []
    page.get_by_role("link", name="Show all patients").click()
    expect(page.locator('[aria-rowindex="2"] a')).to_be_visible()
    assert "q=" not in page.url


def test_on_a_phone(explorer: Open, three: None) -> None:
    """Rows are cards there, and the order is chosen beside them."""
    page = explorer("patients?q=id:PL", viewport={"width": 390, "height": 800})
    expect_rows(page, "Listed, Abel", "Listed, Cain", "No name")
    page.get_by_label("Sort by").select_option("ID")
    page.wait_for_url("**sort=id*")
    page.get_by_role("button", name="Descending").click()
    expect_rows(page, "No name", "Listed, Cain", "Listed, Abel")
    assert faults_of(page) == []


def test_many(explorer: Open, store: Store, three: None) -> None:
    """All there are can be scrolled to: rows come page by page."""
    page = explorer("patients")
    expect(page.locator('[aria-rowindex="2"] a')).to_be_visible()
    everybody = store.get("/statistics")["CountPatients"]
    expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", str(everybody + 1))
    page.get_by_role("grid").focus()
    last = page.locator(f'[aria-rowindex="{everybody + 1}"] a')

    def reached() -> int:
        page.keyboard.press("End")  # to the last that is loaded, each time more
        page.wait_for_timeout(100)
        return last.count()

    assert everybody > 2 * PAGE
    until(page, reached)
    expect(last).to_be_visible()
