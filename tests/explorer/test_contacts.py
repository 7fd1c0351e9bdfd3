# SPDX-License-Identifier: Apache-2.0
"""How modalities and peers are, as the side bar and their pages show it."""

import socket
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from browsing import FITS, Open, choose, faults_of, in_each_language, reload, visit
from outside import Store
from patients import scan, send

HERE = "127.0.0.1"


@pytest.fixture
def away(store: Store) -> Iterator[int]:
    """Modalities `well`, which is the store itself, and `away` with a peer at a port of nobody."""
    with socket.socket() as bound:
        bound.bind((HERE, 0))
        port = bound.getsockname()[1]
        for name, at in (("well", store.dicom_port), ("away", port)):
            described = {"AET": "PONS", "Host": HERE, "Port": at}
            store.http.put(f"/modalities/{name}", json=described).raise_for_status()
        peer = {"Url": f"http://{HERE}:{port}/"}
        store.http.put("/peers/branch", json=peer).raise_for_status()
        yield port
    for path in ("/modalities/well", "/modalities/away", "/peers/branch"):
        store.http.delete(path)


def entry(page: Page, name: str) -> Locator:
    """What the side bar has of it."""
    side = page.get_by_role("navigation", name="Pages")
    return side.get_by_role("link").filter(has_text=name)


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name))


def test_the_side_bar_tells_how_remotes_are(explorer: Open, store: Store, away: int) -> None:
    """As soon as it is known, in words and with the reason; each leads to what can be done."""
    page = explorer("")
    expect(entry(page, "away")).to_have_accessible_name("away not asked yet")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    assert store.http.post("/modalities/away/echo", json={}).status_code == 500
    assert store.http.post("/modalities/well/echo", json={}).status_code == 200
    assert store.http.get("/peers/branch/system").status_code == 500
    expect(entry(page, "away")).to_have_accessible_name("away not reachable")
    why = entry(page, "away").get_attribute("title") or ""
    assert f"C-ECHO · connection refused by {HERE}:{away} · no success known" in why
    expect(entry(page, "well")).to_have_accessible_name("well answers")
    expect(entry(page, "branch")).to_have_accessible_name("branch not reachable")
    assert [url for url in asked if "/explorer/api/remotes" in url] == []
    assert faults_of(page) == []
    entry(page, "branch").click()
    expect(page.get_by_role("heading", name="Peers", exact=True)).to_be_visible()
    expect(row(page, "branch")).to_contain_text("nobody listens there")
    here = page.get_by_role("navigation", name="Pages", exact=True).locator("[aria-current]")
    expect(here).to_have_text("Network")
    entry(page, "away").click()
    expect(page.get_by_role("heading", name="Other archives")).to_be_visible()
    assert page.url.endswith("/explorer/remote/away")
    expect(here).to_have_count(1)
    store.http.delete("/modalities/away").raise_for_status()
    expect(entry(page, "away")).to_have_count(0)


def test_pages_tell_the_last_contact(explorer: Open, store: Store, away: int) -> None:
    """Before anybody has asked on the page, also after it is loaded anew; and where to send to."""
    assert store.http.post("/modalities/away/echo", json={}).status_code == 500
    assert store.http.post("/modalities/well/echo", json={}).status_code == 200
    page = explorer("operate/modalities")
    expect(row(page, "well")).to_contain_text("answers · ")
    expect(row(page, "away")).to_contain_text(f"connection refused by {HERE}:{away}")
    expect(row(page, "away")).to_contain_text("no success known")
    reload(page)
    expect(row(page, "away")).to_contain_text(f"connection refused by {HERE}:{away}")
    send(store, scan(8031, "Send^Where", "WHERE", "20260101"))
    visit(page, "/explorer/?q=WHERE")
    choose(page)
    page.keyboard.press("e")
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("label").filter(has_text="away")).to_contain_text("not reachable")


def test_accessible(explorer: Open, store: Store, away: int) -> None:
    """In a narrow window the drawer has them; nothing is told by colour alone."""
    assert store.http.post("/modalities/away/echo", json={}).status_code == 500
    words = {"en": "not reachable", "de": "nicht erreichbar", "fr": "injoignable"}
    page = explorer("operate/modalities", viewport={"width": 768, "height": 1024})
    for language in in_each_language(page):
        expect(row(page, "away")).to_contain_text(words[language])
        assert faults_of(page) == [], language
        assert page.evaluate(FITS), language
    page.get_by_role("banner").get_by_role("button").first.click()
    for language in in_each_language(page):
        expect(page.get_by_role("navigation").get_by_text(words[language]).first).to_be_attached()
        assert faults_of(page) == [], language
