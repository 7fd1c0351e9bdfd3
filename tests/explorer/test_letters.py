# SPDX-License-Identifier: Apache-2.0
"""What could not be indexed in a browser: why, its file, tried again, dropped."""

import json
import re
from typing import Any

from playwright.sync_api import Page, Route, expect

from browsing import FITS, Open, faults_in_each_language, faults_of, in_each_language, visit

UID = "1.2.826.0.1.3680043.8.498.1"


def letter(number: int) -> dict[str, Any]:
    """As the index wrote it down."""
    return {
        "ID": number,
        "Reason": f"the database refuses a value (SQLSTATE 5400{number})",
        "Since": "20261129T101500",
        "LastRetry": "20261129T111500" if number == 1 else None,
        "Dismissed": None,
        "Object": "0192f0c1-7a3b-7c11-9f6e-2d5c8a4b9e10" if number < 3 else None,
        "Instances": [{"SOPInstanceUID": f"{UID}.{number}", "StudyInstanceUID": UID}],
    }


class Letters:
    """A store that could not index these, and indexes the first one when asked again."""

    def __init__(self, page: Page, count: int) -> None:
        self.left = [letter(number + 1) for number in range(count)]
        self.dropped: list[int] = []
        page.route(re.compile(r"/tools/dead-letters"), self._answer)

    def _answer(self, route: Route) -> None:
        request = route.request
        number = re.search(r"/dead-letters/(\d+)", request.url)
        if request.method == "GET":
            route.fulfill(json=self.left)
        elif request.method == "DELETE" and number:
            self.dropped.append(int(number[1]))
            self.left = [one for one in self.left if one["ID"] != int(number[1])]
            route.fulfill(body="")
        elif number and number[1] == "1":
            self.left = self.left[1:]
            route.fulfill(json={"Indexed": [1], "Failed": {}})
        else:
            route.fulfill(json={"Indexed": [], "Failed": {"2": "The file is not there any more"}})


def test_they_are_dealt_with(explorer: Open) -> None:
    """Each says why, and is tried again or dropped; dropping several asks for their number."""
    page = explorer("operate/routing/dead")
    letters = Letters(page, 3)
    page.get_by_role("link", name="Not indexed").click()
    page.wait_for_url("**/explorer/operate/unindexed")
    first = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="No. 1"))
    expect(first).to_contain_text("SQLSTATE 54001")
    expect(first).to_contain_text(f"{UID}.1")
    link = page.get_by_role("link", name="Download the file of number 1")
    expect(link).to_have_attribute("href", "/tools/dead-letters/1/file")
    expect(page.get_by_role("link", name="Download the file of number 3")).to_have_count(0)
    page.get_by_role("button", name="Try again: number 1").click()
    expect(first).to_have_count(0)
    page.get_by_role("button", name="Try again: number 2").click()
    expect(page.get_by_text("The file is not there any more").first).to_be_visible()
    page.get_by_role("button", name="Drop all shown").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Drop").click()
    assert letters.dropped == []
    dialog.get_by_label("To go on, type how many are dropped: 2").fill("2")
    dialog.get_by_role("button", name="Drop").click()
    expect(page.get_by_text("Everything that was received is indexed.")).to_be_visible()
    assert sorted(letters.dropped) == [2, 3]


def test_the_store_page_leads_there(explorer: Open) -> None:
    """Its warning does, since nothing else tells of such files."""
    page = explorer("upload")
    told = {"dead letters": "2 could not be indexed: see GET /tools/dead-letters"}
    process = {"service": "index", "process": "i1", "version": "1", "seconds": 9, "ready": True}
    services = {"processes": [process | {"failures": {}, "warnings": told}], "silent": []}
    page.route(
        "**/explorer/api/services",
        lambda route: route.fulfill(content_type="application/json", body=json.dumps(services)),
    )
    Letters(page, 1)
    visit(page, "/explorer/operate")
    page.get_by_role("link", name="See them").click()
    expect(page.get_by_role("heading", name="Not indexed")).to_be_visible()
    expect(page.get_by_role("rowheader", name="No. 1")).to_be_visible()


def test_accessible(explorer: Open) -> None:
    """The list and the question in a narrow window, as axe sees them."""
    page = explorer("upload", viewport={"width": 768, "height": 1024})
    Letters(page, 3)
    visit(page, "/explorer/operate/unindexed")
    expect(page.get_by_text("SQLSTATE 54001")).to_be_visible()
    table = page.locator("main section")
    for language in in_each_language(page):
        assert faults_of(page) == [], language
        assert page.evaluate(FITS), language
        assert table.evaluate("one => one.scrollWidth <= one.clientWidth"), language
    page.locator("main").get_by_role("button").nth(1).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert faults_in_each_language(page) == []
