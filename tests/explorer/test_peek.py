# SPDX-License-Identifier: Apache-2.0
"""A study is looked at from the list by keyboard: beside it, and on the page of its images."""

import re

from playwright.sync_api import expect

from browsing import FITS, Open, faults_in_each_language, in_each_language


def test_peek_and_view(explorer: Open) -> None:
    """The panel follows the active row, leaves the list where it is, and goes by Escape."""
    page = explorer("?q=Dubois%20P000&sort=id")
    first, second = (page.locator(f'[aria-rowindex="{index}"]') for index in (2, 3))
    expect(first).to_contain_text("P0002")
    page.keyboard.press("p")
    panel = page.get_by_role("complementary")
    expect(panel).to_contain_text("P0002")
    expect(panel.locator('a[href*="/view/"]')).to_have_count(1)
    assert faults_in_each_language(page) == []
    page.keyboard.press("j")
    expect(panel).to_contain_text(second.locator("a").inner_text())
    expect(panel).to_contain_text("P0008")
    expect(page).to_have_url(re.compile(r"/explorer/\?q=Dubois(%20|\+)P000&sort=id$"))
    page.set_viewport_size({"width": 768, "height": 1024})
    for language in in_each_language(page):
        assert page.evaluate(FITS), language
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    page.keyboard.press("?")
    keys = page.get_by_role("dialog").locator("dt")
    for _ in in_each_language(page):
        for key in ("P", "V", "Enter", "Home"):
            expect(keys.filter(has_text=re.compile(f"^{key}$"))).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("v")
    expect(page).to_have_url(re.compile("/explorer/view/"))
