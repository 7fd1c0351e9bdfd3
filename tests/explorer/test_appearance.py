# SPDX-License-Identifier: Apache-2.0
"""What people choose of how pages look: at once, without a reload, and for the next visit."""

from playwright.sync_api import Page, expect

from browsing import Open, faults_of, reload

HEIGHT = "() => document.querySelector('[aria-rowindex=\"2\"]')?.getBoundingClientRect().height"


def choose_in_settings(page: Page, name: str) -> None:
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("menu").get_by_text(name, exact=True).click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("menu")).to_have_count(0)


def test_high_rows(explorer: Open) -> None:
    """Rows of lists grow, and still stand below each other; axe finds nothing in the menu."""
    page = explorer()
    expect(page.locator('[aria-rowindex="3"] a')).to_be_visible()
    narrow = page.evaluate(HEIGHT)
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_role("menu")).to_be_visible()
    assert faults_of(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("menu")).to_have_count(0)
    choose_in_settings(page, "High")
    page.wait_for_function(f"before => ({HEIGHT})() > before", arg=narrow)
    high = page.evaluate(HEIGHT)
    page.wait_for_function(
        """high => {
          const top = (index) =>
            document.querySelector(`[aria-rowindex="${index}"]`).getBoundingClientRect().top;
          return Math.abs(top(3) - top(2) - high) < 1;
        }""",
        arg=high,
    )
    reload(page)
    page.wait_for_function(f"high => ({HEIGHT})() === high", arg=high)
    choose_in_settings(page, "Narrow")
    page.wait_for_function(f"narrow => ({HEIGHT})() === narrow", arg=narrow)


def test_dates_as_in_iso(explorer: Open) -> None:
    """The same in every language, in a list that is shown already."""
    page = explorer()
    first = page.locator('[aria-rowindex="2"]')
    expect(first).to_contain_text("30/11/2026 12:15")
    choose_in_settings(page, "As 2026-05-14")
    expect(first).to_contain_text("2026-11-30 12:15")
    reload(page)
    expect(first).to_contain_text("2026-11-30 12:15")
    choose_in_settings(page, "As 2026-05-14")
    expect(first).to_contain_text("30/11/2026 12:15")


def test_other_tabs_follow(explorer: Open) -> None:
    """What is chosen in one tab holds in the others at once, and no choice there undoes it."""
    page = explorer(alone=True)
    with page.expect_popup() as opening:
        page.evaluate("() => { window.open('/explorer/'); }")
    other = opening.value
    for one in (page, other):
        expect(one.locator('[aria-rowindex="2"]')).to_contain_text("30/11/2026 12:15")
    narrow = other.evaluate(HEIGHT)
    choose_in_settings(page, "High")
    other.wait_for_function(f"narrow => ({HEIGHT})() > narrow", arg=narrow)
    choose_in_settings(other, "As 2026-05-14")
    expect(page.locator('[aria-rowindex="2"]')).to_contain_text("2026-11-30 12:15")
    reload(other)
    expect(other.locator('[aria-rowindex="2"]')).to_contain_text("2026-11-30 12:15")
    assert other.evaluate(HEIGHT) > narrow
