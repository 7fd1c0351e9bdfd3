# SPDX-License-Identifier: Apache-2.0
"""The page of the store in a browser: figures, charts, services, and what needs attention."""

import json
from typing import Any

from playwright.sync_api import Page, Route, expect

from browsing import Open, faults_of, in_each_language, reload, visit
from outside import Store, eventually

MINUTES = 60


def answering(page: Page, path: str, body: Any, status: int = 200) -> None:
    """A route of the store that answers so from now on."""

    def answer(route: Route) -> None:
        route.fulfill(status=status, content_type="application/json", body=json.dumps(body))

    page.route(f"**/explorer/api/{path}", answer)


def a_day() -> dict[str, Any]:
    """Minutes that somebody looked at, but for ten of them."""
    known = [None if 20 <= number < 30 else number for number in range(MINUTES)]
    lists = ("studies", "instances", "storedBytes", "freeBytes", "queue", "lagSeconds")
    rates = ("instancesPerSecond", "bytesPerSecond", "jobsWaiting", "jobsFailed")
    at = [1795924800 + 60 * number for number in range(MINUTES)]
    return {"step": 60, "at": at} | dict.fromkeys((*lists, *rates), known)


def jobs_are(
    page: Page, states: dict[str, int], *undelivered: dict[str, Any], cancelled: int = 0
) -> None:
    """How jobs fare, whatever other tests have made of them."""
    nothing = {"rows": [], "next": None, "count": 0, "types": [], "destinations": []}
    nothing |= {"cancelled": cancelled}
    answering(page, "jobs", nothing | {"states": states})
    answering(page, "jobs/undelivered", undelivered)


def test_by_keyboard(explorer: Open, store: Store) -> None:
    """`g o` leads there; what is shown is what the store says, with every service ready."""
    page = explorer()
    jobs_are(page, {"Failure": 2}, cancelled=2)
    expect(page.locator('[aria-rowindex="2"] a')).to_be_visible()
    page.keyboard.type("go")
    page.wait_for_url("**/explorer/operate")
    expect(page.get_by_role("heading", name="Store", exact=True)).to_be_focused()
    expect(page.get_by_text("All is well: every service is ready.")).to_be_visible()
    studies = store.get("/statistics")["CountStudies"]
    expect(page.get_by_role("definition").filter(has_text=str(studies)).first).to_be_visible()
    for service in ("dicom-ingress", "egress", "gateway", "index", "render"):
        row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=service))
        expect(row.get_by_text("ready", exact=True)).to_be_visible()
    expect(page.get_by_text(f"AE title PONS, port {store.dicom_port}")).to_be_visible()
    page.get_by_role("radio", name="Day").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.wait_for_url("**/operate?hours=168")
    reload(page)
    expect(page.get_by_role("radio", name="Week")).to_be_checked()


def test_a_minute_is_kept(store: Store) -> None:
    """The store itself keeps what it did: a while after it has begun there is a point."""

    def kept() -> bool:
        told = store.get("/explorer/api/rates?hours=1")
        return any(one is not None for one in told["instances"])

    eventually("a minute is kept", kept, 180)


def test_charts(explorer: Open) -> None:
    """Charts say in words what they show, and give it as a table; axe finds nothing."""
    page = explorer("upload")
    answering(page, "rates**", a_day())
    visit(page, "/explorer/operate")
    figures = page.get_by_role("figure")
    expect(figures).to_have_count(6)
    table = figures.first.locator("summary")
    table.focus()
    page.keyboard.press("Enter")
    cells = figures.first.get_by_role("cell")
    gap = {"en": "not known", "de": "nicht bekannt", "fr": "inconnu"}
    for language in in_each_language(page):
        expect(figures.locator("canvas")).to_have_count(6)
        expect(figures.first.get_by_role("listitem")).to_contain_text("59")
        expect(cells).to_have_count(20)
        expect(figures.first.get_by_role("cell", name=gap[language])).to_have_count(3)
        expect(cells.first).to_have_text("59")
        assert faults_of(page) == [], language


def test_what_needs_attention(explorer: Open) -> None:
    """A silent service, what a replica lacks and a full disk are told first, with what to do."""
    page = explorer("upload", viewport={"width": 768, "height": 1024})
    process = {"service": "index", "process": "a:1", "version": "0.1.0", "seconds": 90}
    lacking = process | {"process": "b:2", "ready": False, "warnings": {}}
    answering(
        page,
        "services",
        {
            "processes": [
                process | {"ready": True, "failures": {}, "warnings": {"dead letters": "2 wait"}},
                lacking | {"failures": {"database": "<b>it does not answer</b>"}},
            ],
            "silent": ["render"],
        },
    )
    jobs_are(
        page,
        {"Retry": 2, "Failure": 1, "Undelivered": 3, "Success": 7},
        {
            "destination": "modality:PACS2",
            "count": 3,
            "since": 1795924800,
            "causes": [{"cause": "Refused: out of resources", "count": 3}],
        },
    )
    visit(page, "/explorer/operate")
    concerns = page.get_by_role("region", name="What needs attention").get_by_role("listitem")
    expect(concerns).to_have_count(6)
    expect(concerns.nth(0)).to_contain_text("No process of the service render answers")
    expect(concerns.nth(1)).to_contain_text("<b>it does not answer</b>")
    expect(concerns.nth(2)).to_contain_text("3 deliveries to PACS2 have been given up")
    expect(concerns.nth(2)).to_contain_text("Refused: out of resources")
    expect(concerns.nth(3)).to_contain_text("2 wait")
    expect(concerns.nth(4)).to_contain_text("2 jobs have not got through yet")
    expect(concerns.nth(5)).to_contain_text("1 job has failed")
    expect(page.get_by_text("All is well")).to_have_count(0)
    assert faults_of(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    concerns.nth(2).get_by_role("link").click()
    page.wait_for_url("**/explorer/operate/routing/dead?destination=modality*PACS2")
    page.go_back()
    concerns.nth(5).get_by_role("link").click()
    page.wait_for_url("**/explorer/jobs?state=Failure")


def test_a_store_that_cannot_answer(explorer: Open) -> None:
    """Each part says what failed; nothing is called well that nobody was asked about."""
    page = explorer("upload")
    refused = {"HttpStatus": 400, "Details": "This is wrong"}
    for path in ("store", "services", "rates**"):
        answering(page, path, refused, 400)
    visit(page, "/explorer/operate")
    expect(page.get_by_role("alert")).to_have_count(3)
    expect(page.get_by_text("All is well")).to_have_count(0)
    page.unroute("**/explorer/api/store")
    page.get_by_role("button", name="Try again").first.click()
    expect(page.get_by_text("AE title PONS")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(2)


def test_with_forced_colours(explorer: Open) -> None:
    """How full the disk is can be seen there, and the grid of a chart is not taken for its line."""
    page = explorer("operate")
    expect(page.locator("figure .uplot").first).to_be_visible()
    page.emulate_media(forced_colors="active")
    filled = page.get_by_role("meter", name="Disk").locator("span span")
    full, ground = filled.evaluate(
        """filled => [filled, filled.parentElement]
          .map((one) => getComputedStyle(one).backgroundColor)"""
    )
    grid, line = page.locator("figure > div").first.evaluate(
        """plot => ['--line', '--accent'].map((name) => {
          plot.style.color = `var(${name})`;
          return getComputedStyle(plot).color;
        })"""
    )
    page.emulate_media(forced_colors="none")
    assert full != ground
    assert grid != line
