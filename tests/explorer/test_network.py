# SPDX-License-Identifier: Apache-2.0
"""Modalities and peers in a browser: asked, added, changed, removed; what is fixed, is locked."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Dialog, Locator, Page, Route, expect

from browsing import Open, faults_in_each_language, faults_of, until, visit
from outside import Store


@pytest.fixture(autouse=True)
def nobody_else(store: Store) -> Iterator[None]:
    """What a test adds goes with it."""
    yield
    for kind in ("modalities", "peers"):
        for name in set(store.get(f"/{kind}")) - {"fixed"}:
            store.http.delete(f"/{kind}/{name}")


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name))


def test_modality(explorer: Open, store: Store) -> None:
    """Mistakes are told at their fields; what was added answers, is changed, and is removed."""
    page = explorer("operate/modalities")
    fixed = row(page, "fixed")
    expect(fixed).to_contain_text("Fixed by the settings")
    expect(fixed.get_by_role("button")).to_have_count(1)
    page.get_by_role("button", name="Add a modality").press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("textbox", name="Name")).to_be_focused()
    page.keyboard.type("my pacs")
    page.keyboard.press("Tab")
    page.keyboard.type("A" * 17)
    dialog.get_by_role("textbox", name="Port").fill("70000")
    dialog.get_by_role("textbox", name="Host").fill("http://pacs")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("The name or the address of a machine only")).to_be_visible()
    dialog.get_by_role("textbox", name="Host").fill("")
    expect(dialog.get_by_text("Letters, digits, - and _ only.")).to_be_visible()
    expect(dialog.get_by_text("1 to 16 characters, without backslash.")).to_be_visible()
    expect(dialog.get_by_text("A number from 1 to 65534.")).to_be_visible()
    expect(dialog.get_by_text("This is needed.")).to_be_visible()
    assert store.get("/modalities") == ["fixed"]
    assert faults_of(page) == []
    dialog.get_by_role("textbox", name="Name").fill(" itself ")
    dialog.get_by_label("AE title", exact=True).fill("PONS")
    dialog.get_by_role("textbox", name="Host").fill("127.0.0.1")
    dialog.get_by_role("textbox", name="Port").fill(str(store.dicom_port))
    dialog.get_by_label("fetch images (C-GET)").uncheck()
    dialog.get_by_label("Peculiarities").select_option("GE")
    dialog.get_by_role("button", name="Save").click()
    itself = row(page, "itself")
    expect(itself).to_contain_text("everything but: fetch images (C-GET)")
    expect(itself).to_contain_text("GE")
    told = store.get("/modalities/itself/configuration")
    assert (told["AllowGet"], told["AllowStore"], told["Manufacturer"]) == (False, True, "GE")
    page.get_by_role("button", name="Ask itself whether it is there").click()
    expect(itself).to_contain_text("Answered in")
    page.get_by_role("button", name="Change itself").click()
    dialog.get_by_role("textbox", name="Port").fill("9")
    dialog.get_by_label("Seconds to wait for it").fill("2")
    page.keyboard.press("Control+Enter")  # as Save
    expect(itself).to_contain_text("127.0.0.1:9")
    assert store.get("/modalities/itself/configuration")["AllowGet"] is False
    page.get_by_role("button", name="Ask all").click()
    expect(itself).to_contain_text("not reachable")
    expect(itself).to_contain_text("C-ECHO")
    page.get_by_role("button", name="Remove itself").press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Remove").press("Enter")
    expect(itself).to_have_count(0)
    # What had the focus went with its row: the row that is left has it.
    expect(fixed.get_by_role("button")).to_be_focused()
    assert store.get("/modalities") == ["fixed"]


def test_the_row_says_what_was_last(explorer: Open, store: Store) -> None:
    """Twice pressed, it is asked once; a failure of the store is not told of it, and an answer
    stays until the next contact says otherwise, whoever had that."""
    pacs = {"AET": "PONS", "Host": "127.0.0.1", "Port": store.dicom_port}
    store.http.put("/modalities/pacs", json=pacs).raise_for_status()
    page = explorer("operate/modalities")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/modalities/pacs/echo", hold)
    ask = page.get_by_role("button", name="Ask pacs whether it is there")
    ask.dblclick()
    expect(row(page, "pacs")).to_contain_text("asking …")
    ask.click()
    [asked] = held
    asked.abort()
    expect(row(page, "pacs")).to_contain_text("The store does not answer")
    expect(row(page, "pacs")).not_to_contain_text("No success")
    store.http.post("/modalities/pacs/echo", json={}).raise_for_status()
    expect(row(page, "pacs")).to_contain_text("answers · ")
    page.unroute("**/modalities/pacs/echo")
    ask.click()
    expect(row(page, "pacs")).to_contain_text("Answered in")


def test_a_mistake_is_told_where_it_moves_nothing(explorer: Open) -> None:
    """Save stays where it is while it is pressed, though the field that is left is wrong. Keys and
    the way back ask before they throw away what was typed, and nothing else does."""
    page = explorer("operate")
    page.get_by_role("link", name="Network").click()
    add = page.get_by_role("button", name="Add a modality")
    add.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(add).to_be_focused()
    add.press("Enter")
    dialog = page.get_by_role("dialog")
    save = dialog.get_by_role("button", name="Save")
    expect(dialog.get_by_label("Seconds to wait for it")).to_have_value("")
    dialog.get_by_role("textbox", name="Port").fill("70000")
    save.hover()
    before = save.bounding_box()
    page.mouse.down()
    expect(save).to_have_attribute("data-pressed", "true")
    assert save.bounding_box() == before
    expect(dialog.get_by_text("A number from 1 to 65534.")).to_have_count(0)
    page.mouse.up()
    expect(dialog.get_by_text("A number from 1 to 65534.")).to_be_visible()
    question = page.get_by_role("dialog", name="Throw away what you typed?")
    for leave in (lambda: page.keyboard.press("Escape"), page.go_back):
        leave()
        expect(question).to_be_visible()
        assert faults_of(page) == []
        page.keyboard.press("Escape")
        expect(question).to_have_count(0)
        expect(dialog.get_by_role("textbox", name="Name")).to_be_focused()
        expect(dialog.get_by_role("textbox", name="Port")).to_have_value("70000")
        expect(page).to_have_url(re.compile("/operate/modalities$"))
    asked: list[str] = []

    def stay(browsers: Dialog) -> None:
        asked.append(browsers.type)
        browsers.dismiss()

    page.once("dialog", stay)
    page.evaluate("setTimeout(() => location.reload())")
    until(page, lambda: asked)
    assert asked == ["beforeunload"]
    expect(dialog.get_by_role("textbox", name="Port")).to_have_value("70000")
    page.go_back()
    question.get_by_role("button", name="Throw away").click()
    expect(page.get_by_role("heading", name="Store", exact=True)).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_peer_keeps_its_password(explorer: Open, store: Store) -> None:
    """A password is never shown, stays when it is not typed again, and goes nowhere else."""
    described = {
        "Url": f"{store.http.base_url}",
        "Username": "me",
        "Password": "secret",
        "HttpHeaders": {"X-Key": "hidden"},
        "Room": "2",
    }
    store.http.put("/peers/other", json=described).raise_for_status()
    page = explorer("operate/modalities")
    page.get_by_role("link", name="Peers", exact=True).click()
    other = row(page, "other")
    expect(other).to_contain_text("X-Key · Room: 2")
    page.get_by_role("button", name="Ask other whether it is there").click()
    expect(other).to_contain_text("Answered in")
    page.get_by_role("button", name="Change other").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Password", exact=True)).to_have_value("")
    assert "secret" not in page.content()
    assert faults_of(page) == []
    dialog.get_by_label("Seconds to wait for it").fill("7")
    dialog.get_by_role("button", name="Save").click()
    expect(other).to_contain_text("7 s")
    shown = store.get("/peers/other/configuration")
    assert (shown["Timeout"], shown["Username"], shown["Room"]) == (7, "me", "2")
    assert shown["HttpHeaders"] == ["X-Key"]
    page.get_by_role("button", name="Change other").click()
    dialog.get_by_role("textbox", name="Address").fill("http://elsewhere.example/")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_contain_text("the peer has another address now")
    dialog.get_by_role("button", name="Cancel").click()
    assert store.get("/peers/other/configuration")["Url"].startswith("http://127.0.0.1")


def test_changed_meanwhile(explorer: Open, store: Store) -> None:
    """Who is slower is told, and leaves it as it is, or overwrites it."""
    pacs = {"AET": "PACS", "Host": "127.0.0.1", "Port": 104}
    store.http.put("/modalities/pacs", json=pacs).raise_for_status()
    page = explorer("operate/modalities")
    dialog = page.get_by_role("dialog")
    for choice, port in (("Leave it as it is now", 106), ("Overwrite it", 107)):
        page.get_by_role("button", name="Change pacs").click()
        dialog.get_by_role("textbox", name="Port").fill("107")
        store.http.put("/modalities/pacs", json=pacs | {"Port": 106}).raise_for_status()
        dialog.get_by_role("button", name="Save").click()
        expect(dialog.get_by_role("alert")).to_contain_text("Somebody has changed this meanwhile.")
        assert faults_of(page) == []
        assert store.get("/modalities/pacs/configuration")["Port"] == 106
        dialog.get_by_role("button", name=choice).click()
        expect(row(page, "pacs")).to_contain_text(f"127.0.0.1:{port}")
        expect(dialog).to_have_count(0)


def test_a_refusal_is_seen_whatever_it_is_about(explorer: Open, store: Store) -> None:
    """At its field, also at a box; above the fields where the form has none for it."""
    pacs = {"AET": "PACS", "Host": "127.0.0.1", "Port": 104}
    store.http.put("/modalities/pacs", json=pacs).raise_for_status()
    page = explorer("operate/modalities", viewport={"width": 1280, "height": 500})
    page.get_by_role("button", name="Change pacs").click()
    dialog = page.get_by_role("dialog")
    told = ""

    def refuse(route: Route) -> None:
        route.fulfill(status=400, json={"HttpStatus": 400, "Details": told})

    page.route("**/modalities/pacs", refuse)
    told = "UseDicomTls: the store has no certificate"
    dialog.get_by_role("button", name="Save").click()
    tls = dialog.get_by_label("With TLS")
    expect(tls).to_have_accessible_description("the store has no certificate")
    expect(tls).to_be_focused()
    told = "name: is taken by another"  # which is no field of what is known already
    dialog.get_by_role("button", name="Save").click()
    alert = dialog.get_by_role("alert")
    expect(alert).to_contain_text("name: is taken by another")
    expect(alert).to_be_in_viewport()
    assert faults_of(page) == []
    page.unroute("**/modalities/pacs")
    page.route("**/modalities/pacs", lambda route: route.abort())
    dialog.get_by_role("button", name="Save").click()
    expect(alert).to_contain_text("this may be saved, or not")
    page.unroute("**/modalities/pacs")
    dialog.get_by_role("textbox", name="Host").fill("")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("textbox", name="Host")).to_be_focused()
    expect(dialog.get_by_role("textbox", name="Host")).to_be_in_viewport()


def test_accessible(explorer: Open, store: Store) -> None:
    """Both pages, a form and a narrow window, as axe sees them."""
    pacs = {"AET": "PACS", "Host": "127.0.0.1", "Port": 104, "UseDicomTls": True}
    store.http.put("/modalities/pacs", json=pacs).raise_for_status()
    store.http.put("/peers/other", json=["http://127.0.0.1:9/"]).raise_for_status()
    page = explorer("operate/modalities", viewport={"width": 768, "height": 1024})
    expect(row(page, "pacs")).to_be_visible()
    assert faults_in_each_language(page) == []
    row(page, "pacs").get_by_role("button").nth(1).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert faults_in_each_language(page) == []
    page.keyboard.press("Escape")
    visit(page, "/explorer/operate/peers")
    expect(row(page, "other")).to_be_visible()
    assert faults_in_each_language(page) == []
