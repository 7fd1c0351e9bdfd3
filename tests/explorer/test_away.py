# SPDX-License-Identifier: Apache-2.0
"""A store that cannot be reached: the page says so, keeps what it has, and goes on by itself."""

import pytest
from playwright.sync_api import expect

from browsing import Open, faults_of

BANNER = {
    "en": "The store does not answer.",
    "de": "Der Speicher antwortet nicht.",
    "fr": "L’archive ne répond pas.",
}


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_away_and_back(explorer: Open, language: str) -> None:
    """What was there stays to be read; what was asked for meanwhile comes without a reload."""
    page = explorer("?q=Schneider", preferences={"language": language})
    first = page.locator('[aria-rowindex="2"] a')
    expect(first).to_contain_text("Schneider")
    page.route("**/explorer/api/**", lambda route: route.abort())
    page.get_by_role("searchbox").fill("Dubois")
    banner = page.get_by_role("banner").locator("+ *").get_by_text(BANNER[language])
    expect(banner).to_be_visible()
    expect(first).to_contain_text("Schneider")
    page.locator('a[href="/explorer/upload"]').first.click()
    page.wait_for_url("**/explorer/upload")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(banner).to_be_visible()
    assert faults_of(page) == []
    page.go_back()
    page.unroute("**/explorer/api/**")
    expect(first).to_contain_text("Dubois")
    expect(banner).to_have_count(0)
