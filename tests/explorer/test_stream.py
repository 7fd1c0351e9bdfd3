# SPDX-License-Identifier: Apache-2.0
"""The stream of what happens: shared by the pages of a browser, and got back when it is cut."""

from playwright.sync_api import Route, expect

from browsing import Open, until
from outside import Store, eventually
from patients import scan, send


def test_tabs_share_one_stream(explorer: Open, store: Store) -> None:
    """Eight pages of a browser, which has six connections to a host, all work and all hear."""
    page = explorer("?q=P0007", alone=True)
    pages = [page]
    for _ in range(7):
        with page.expect_popup() as opening:
            page.evaluate("() => { window.open('/explorer/?q=P0007'); }")
        pages.append(opening.value)
    for one in pages:
        expect(one.locator('[aria-rowindex="2"] a')).to_be_visible()
        expect(one.locator('[data-live="open"]')).to_be_visible()
    send(store, scan(9102, "Shared^One", "P00071", "20260101"))
    for one in pages:
        expect(one.get_by_role("button", name="1 new study has arrived: show")).to_be_visible()


def test_the_stream_comes_back(explorer: Open, store: Store) -> None:
    """After a gateway that died a page hears what came meanwhile, once, without a reload."""
    page = explorer()
    expect(page.locator('[data-live="open"]')).to_be_visible()
    store.kill("gateway")
    expect(page.get_by_text("Live updates paused")).to_be_visible()
    eventually("the gateway is back", store.is_ready, seconds=120)
    expect(page.locator('[data-live="open"]')).to_be_visible()
    send(store, scan(9103, "Back^Again", "BACKAGAIN", "20260101"))
    expect(page.get_by_role("button", name="1 new study has arrived: show")).to_be_visible()
    expect(page.get_by_text("Live updates paused")).to_be_hidden()


def test_a_browser_without_shared_workers(explorer: Open, store: Store) -> None:
    """A page has a stream of its own then, and asks again when the store refuses it."""
    page = explorer("upload", alone=True)
    page.add_init_script("delete window.SharedWorker")
    asked: list[str] = []
    held: list[Route] = []
    page.on("request", lambda one: asked.append(one.url) if "api/events" in one.url else None)

    def refuse(route: Route) -> None:
        if len(asked) == 1:
            route.fulfill(status=503, json={"HttpStatus": 503})
        else:
            held.append(route)  # until it has been seen that there is no stream

    page.route("**/explorer/api/events*", refuse, times=2)
    page.goto("/explorer/")
    expect(page.get_by_text("Live updates paused")).to_be_visible()
    until(page, lambda: held)
    held[0].fulfill(status=503, json={"HttpStatus": 503})
    expect(page.locator('[data-live="open"]')).to_be_visible()
    assert len(asked) == 3
    send(store, scan(9104, "Alone^One", "ALONE", "20260101"))
    expect(page.get_by_role("button", name="1 new study has arrived: show")).to_be_visible()
