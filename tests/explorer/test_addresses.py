# SPDX-License-Identifier: Apache-2.0
"""Addresses that lead to the page which has what they name."""

from playwright.sync_api import expect

from browsing import Open


def test_jobs_among_the_pages_of_the_store(explorer: Open) -> None:
    """They are at an address of their own, with what was chosen of them."""
    page = explorer("operate/jobs?state=Failure")
    page.wait_for_url("**/explorer/jobs?state=Failure")
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()


def test_about_this_store(explorer: Open) -> None:
    """The side bar leads to what the store is, within its page."""
    page = explorer("upload")
    page.get_by_role("link", name="About this store").click()
    page.wait_for_url("**/explorer/operate#store-about")
    expect(page.get_by_role("heading", name="What this store is")).to_be_in_viewport()
