# SPDX-License-Identifier: Apache-2.0
"""What is seen of a destination that refuses, before what was sent to it is given up."""

import re

from playwright.sync_api import Route, expect

from browsing import Open, visit


def test_what_is_tried_again_is_told_where_nothing_is_given_up(explorer: Open) -> None:
    """Who looks under Not delivered hears of jobs that are still tried, and gets to them."""
    page = explorer("upload")

    def with_retried(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        told["states"]["Retry"] = 2
        route.fulfill(response=answer, json=told)

    page.route("**/explorer/api/jobs", with_retried)
    # Of one destination the list tells what it has read; of all, what the stream says.
    visit(page, "/explorer/operate/routing/dead?destination=fixed")
    expect(page.get_by_text("2 jobs have not got through yet and are tried again.")).to_be_visible()
    page.get_by_role("link", name="Show what is tried again").click()
    expect(page).to_have_url(re.compile(r"/explorer/jobs\?.*state=Retry"))
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()
    page.unroute_all(behavior="wait")  # one that is being answered would fail the next test
