# SPDX-License-Identifier: Apache-2.0
"""Addresses that lead to the page which has what they name."""

import pytest
from playwright.sync_api import Route, expect

from browsing import Open, until


def test_jobs_among_the_pages_of_the_store(explorer: Open) -> None:
    """They are at an address of their own, with what was chosen of them."""
    page = explorer("operate/jobs?state=Failure")
    page.wait_for_url("**/explorer/jobs?state=Failure")
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()


def test_about_this_store(explorer: Open) -> None:
    """The side bar leads to what the store is, within its page, whatever comes late above it."""
    page = explorer("upload")
    late: list[Route] = []
    page.route("**/explorer/api/services", lambda route: late.append(route), times=1)
    page.get_by_role("link", name="About this store").click()
    page.wait_for_url("**/explorer/operate#store-about")
    heading = page.get_by_role("heading", name="What this store is")
    expect(heading).to_be_in_viewport()
    until(page, lambda: late)
    late[0].continue_()
    expect(page.get_by_role("rowheader", name="gateway")).to_be_attached()
    expect(heading).to_be_in_viewport()


@pytest.mark.parametrize(
    ("path", "entry"),
    [
        ("operate/retention", "Store"),
        ("operate/routing/dead", "Jobs"),
        ("operate/sent", "Jobs"),
        ("operate/unindexed", "Jobs"),
        ("operate/peers", "Network"),
    ],
)
def test_the_side_bar_says_where_one_is(explorer: Open, path: str, entry: str) -> None:
    """Also on pages that have no entry of their own."""
    side = explorer(path).get_by_role("navigation", name="Pages", exact=True)
    expect(side.get_by_role("link", name=entry, exact=True)).to_have_attribute(
        "aria-current", "true"
    )
    expect(side.locator("[aria-current]")).to_have_count(1)
