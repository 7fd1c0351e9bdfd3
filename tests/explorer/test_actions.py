# SPDX-License-Identifier: Apache-2.0
"""What can be done with studies in a browser: deleted and taken back, labelled, downloaded."""

import re
import zipfile
from pathlib import Path

from playwright.sync_api import Page, Request, Route, expect

from browsing import HAS_SHOWN, Open, choose, reload, until, visit
from outside import Store, eventually
from patients import scan, send


def let_undo_pass(page: Page) -> None:
    """As if the time to undo were over, on a page with a clock of its own."""
    page.clock.fast_forward(11_000)


def sent(page: Page) -> list[Request]:
    """Requests to delete, as they are made."""
    requests: list[Request] = []
    page.on("request", lambda one: requests.append(one) if "bulk-delete" in one.url else None)
    return requests


def test_deletion_is_taken_back(explorer: Open, store: Store) -> None:
    """Until the time to undo is over nothing is sent; `z` brings the row back."""
    study = send(store, scan(8001, "Undo^Me", "UNDO", "20260101"))
    page = explorer("?q=UNDO", alone=True)
    requests = sent(page)
    choose(page)
    page.keyboard.press("Delete")
    expect(page.get_by_text("Deleted 1 study (1 image)").last).to_be_visible()
    expect(page.get_by_text("Undo, Me")).to_have_count(0)
    page.keyboard.press("z")
    expect(page.get_by_role("row").get_by_text("Undo, Me")).to_be_visible()
    page.wait_for_timeout(500)
    assert requests == []
    assert store.http.get(f"/studies/{study}").status_code == 200


def test_deletion_asked_for_twice_is_taken_back_once(explorer: Open, store: Store) -> None:
    """A key that is pressed again before the store has answered deletes nothing behind an undo."""
    study = send(store, scan(8010, "Twice^Me", "TWICE", "20260101"))
    page = explorer("?q=TWICE", clock=True)
    requests = sent(page)
    waiting: list[Route] = []
    page.route("**/explorer/api/delete/plan", lambda route: waiting.append(route))
    choose(page)
    page.keyboard.press("Delete")
    page.keyboard.press("Delete")
    until(page, lambda: waiting)
    page.wait_for_timeout(500)
    for route in waiting:
        route.continue_()
    expect(page.get_by_text("Twice, Me")).to_have_count(0)
    page.wait_for_timeout(500)
    page.keyboard.press("z")
    expect(page.get_by_role("row").get_by_text("Twice, Me")).to_be_visible()
    let_undo_pass(page)
    page.wait_for_timeout(500)
    assert requests == []
    assert store.http.get(f"/studies/{study}").status_code == 200


def test_deletion(explorer: Open, store: Store) -> None:
    """After the time to undo the study is gone, by one request."""
    study = send(store, scan(8002, "Delete^Me", "DELETE", "20260101"))
    page = explorer("?q=DELETE", clock=True)
    requests = sent(page)
    choose(page)
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("Delete, Me")).to_have_count(0)
    expect(page.get_by_text("Deleted 1 study (1 image)").last).to_be_visible()
    page.wait_for_timeout(500)
    assert requests == []
    let_undo_pass(page)
    eventually("it is deleted", lambda: store.http.get(f"/studies/{study}").status_code == 404)
    page.wait_for_timeout(500)
    assert len(requests) == 1
    reload(page)
    expect(page.get_by_role("heading", name="No study matches")).to_be_visible()


def test_what_is_counted_after_a_deletion(explorer: Open, store: Store) -> None:
    """A study that is hidden and then gone is taken off the count once, in a search and in all."""
    page = explorer("upload", clock=True)
    for query in ("?q=COUNTED", ""):
        send(store, scan(8020, "Counted^One", "COUNTED", "20991231"))
        send(store, scan(8021, "Counted^Two", "COUNTED", "20991230"))
        visit(page, f"/explorer/{query}")
        choose(page)
        page.keyboard.press("Escape")
        counted = page.get_by_label("Search and filter").locator("strong")
        before = int(counted.inner_text().split()[0])
        choose(page)
        with page.expect_response("**/tools/bulk-delete"):
            page.get_by_role("button", name="Delete", exact=True).click()
            expect(page.get_by_text("Counted, One")).to_have_count(0)
            let_undo_pass(page)
        page.wait_for_timeout(1_500)  # what is counted anew is there, and would be seen
        assert int(counted.inner_text().split()[0]) == before - 1


def test_what_was_deleted_and_came_again_is_found(explorer: Open, store: Store) -> None:
    """A list that is asked for after the deletion shows what the store has."""
    again = scan(8011, "Again^Me", "AGAIN", "20260101")
    study = send(store, again)
    page = explorer("?q=AGAIN", clock=True)
    choose(page)
    with page.expect_response("**/tools/bulk-delete"):
        page.keyboard.press("Delete")
        expect(page.get_by_text("Again, Me")).to_have_count(0)
        let_undo_pass(page)
    eventually("it is deleted", lambda: store.http.get(f"/studies/{study}").status_code == 404)
    assert send(store, again) == study
    page.get_by_role("searchbox").fill("AGAIN nobodyhere")
    # Its heading says nothing: that the only row was deleted looks the same.
    expect(page.get_by_role("button", name="Remove any field nobodyhere")).to_be_visible()
    page.get_by_role("searchbox").fill("AGAIN")
    expect(page.get_by_role("row").get_by_text("Again, Me")).to_be_visible()


def test_the_next_rows_follow_when_all_that_are_loaded_go(explorer: Open) -> None:
    """They are not left blank; taken back, the first ones are there again."""
    page = explorer("?q=Thorax")
    first = page.locator('[aria-rowindex="2"]')
    expect(first.locator("a")).to_be_visible()
    address = first.locator("a").get_attribute("href") or ""
    page.get_by_role("grid").focus()
    page.keyboard.press("Control+a")
    expect(page.get_by_text("100 selected")).to_be_visible()
    page.keyboard.press("Delete")
    expect(page.get_by_text("Deleted 100 studies").last).to_be_visible()
    expect(first.locator("a")).not_to_have_attribute("href", address)
    expect(first.locator("a")).to_be_visible()
    page.keyboard.press("z")
    expect(first.locator("a")).to_have_attribute("href", address)


def test_leaving_cancels_a_deletion(explorer: Open, store: Store) -> None:
    """Who leaves within the time has deleted nothing, and is told."""
    study = send(store, scan(8003, "Keep^Me", "KEEP", "20260101"))
    page = explorer("?q=KEEP")
    choose(page)
    page.keyboard.press("Delete")
    expect(page.get_by_text("Keep, Me")).to_have_count(0)
    page.reload()
    expect(page.get_by_text("1 study was not deleted").last).to_be_visible()
    expect(page.get_by_role("row").get_by_text("Keep, Me")).to_be_visible()
    assert store.http.get(f"/studies/{study}").status_code == 200


def test_a_page_as_it_was_left_shows_what_is_there(explorer: Open, store: Store) -> None:
    """A browser may keep the page that is left: nothing was deleted meanwhile."""
    study = send(store, scan(8013, "Back^Me", "BACK", "20260101"))
    page = explorer("?q=BACK", clock=True)
    requests = sent(page)
    choose(page)
    page.keyboard.press("Delete")
    expect(page.get_by_text("Back, Me")).to_have_count(0)
    for event in ("pagehide", "pageshow"):
        page.evaluate(
            "name => window.dispatchEvent(new PageTransitionEvent(name, {persisted: true}))", event
        )
    expect(page.get_by_text("1 study was not deleted").last).to_be_visible()
    expect(page.get_by_role("row").get_by_text("Back, Me")).to_be_visible()
    let_undo_pass(page)
    page.wait_for_timeout(500)
    assert requests == []
    assert store.http.get(f"/studies/{study}").status_code == 200


def test_protected_patients_stay(explorer: Open, store: Store) -> None:
    """A protected study is named and left out, and nothing else is deleted in its place."""
    study = send(store, scan(8004, "Protect^Me", "PROTECT", "20260101"))
    page = explorer("?q=PROTECT")
    choose(page)
    page.get_by_role("button", name="Protect", exact=True).click()
    expect(page.get_by_role("row").get_by_text("protected")).to_be_visible()
    patient = store.get(f"/studies/{study}")["ParentPatient"]
    assert store.http.get(f"/patients/{patient}/protected").text == "1"
    reload(page)
    choose(page)
    page.get_by_role("button", name="Delete", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 study stays, since its patient is protected")
    expect(dialog).to_contain_text("Protect, Me")
    expect(dialog).to_contain_text("All of them are protected")
    dialog.get_by_role("button", name="Delete").click()
    page.evaluate(HAS_SHOWN)
    expect(dialog).to_be_visible()
    expect(page.get_by_text("Deleted 1 study")).to_have_count(0)
    assert store.http.get(f"/studies/{study}").status_code == 200


def test_labels(explorer: Open, store: Store) -> None:
    """A label is given in the dialog, shown in the row and in the side bar, which finds by it."""
    study = send(store, scan(8005, "Label^Me", "LABEL", "20260101"))
    page = explorer("?q=LABEL")
    choose(page)
    page.keyboard.press("l")
    page.get_by_label("Label", exact=True).fill("trial-A")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("row").get_by_text("trial-A")).to_be_visible()
    assert store.get(f"/studies/{study}/labels") == ["trial-A"]
    page.keyboard.press("Escape")
    page.get_by_role("link", name="trial-A").click()
    expect(page).to_have_url(re.compile("label"))
    expect(page.get_by_role("searchbox")).to_have_value("")
    expect(page.get_by_text("1 study", exact=True).first).to_be_visible()
    expect(page.get_by_role("row").get_by_text("Label, Me")).to_be_visible()


def test_download(explorer: Open, store: Store, tmp_path: Path) -> None:
    """The browser's own download gives a ZIP with the images."""
    send(store, scan(8006, "Load^Me", "DOWNLOAD", "20260101"))
    page = explorer("?q=DOWNLOAD")
    choose(page)
    with page.expect_download() as downloading:
        page.keyboard.press("d")
    archive = tmp_path / "study.zip"
    downloading.value.save_as(archive)
    with zipfile.ZipFile(archive) as opened:
        assert len(opened.namelist()) == 1


def test_download_of_several(explorer: Open, store: Store, tmp_path: Path) -> None:
    """How much it is, is told first; a medium is a ZIP with a DICOMDIR and all images."""
    for number in (8015, 8016):
        send(store, scan(number, f"Several^{number}", f"SEVERAL{number}", "20260101"))
    page = explorer("?q=SEVERAL")
    expect(page.locator('[aria-rowindex="3"] a')).to_be_visible()
    page.get_by_role("grid").focus()
    page.keyboard.press("Control+a")
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.keyboard.press("d")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("status")).to_contain_text("2 patients, 2 series, 2 images,")
    dialog.get_by_label("Medium with DICOMDIR").check()
    with page.expect_download() as downloading:
        dialog.get_by_role("button", name="Download").click()
    expect(dialog).to_have_count(0)
    medium = tmp_path / "medium.zip"
    downloading.value.save_as(medium)
    with zipfile.ZipFile(medium) as opened:
        assert "DICOMDIR" in opened.namelist()
        assert len([name for name in opened.namelist() if name.startswith("IMAGES/")]) == 2


def test_a_download_counts_protected_patients_apart(explorer: Open, store: Store) -> None:
    """They are packed as well, so who downloads is told of them."""
    for number in (8017, 8018):
        send(store, scan(number, f"Shielded^{number}", f"SHIELDED{number}", "20260101"))
    asked = {"Level": "Patient", "Query": {"PatientID": "SHIELDED8018"}}
    (patient,) = store.http.post("/tools/find", json=asked).json()
    store.http.put(f"/patients/{patient}/protected", content="1").raise_for_status()
    page = explorer("?q=SHIELDED")
    expect(page.locator('[aria-rowindex="3"] a')).to_be_visible()
    page.get_by_role("grid").focus()
    page.keyboard.press("Control+a")
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.keyboard.press("d")
    told = page.get_by_role("dialog").get_by_role("status")
    expect(told).to_contain_text("1 patient, 1 series, 1 image,")
    expect(told).to_contain_text("and 1 study of a protected patient, which is not counted here")


def test_download_of_many(explorer: Open, tmp_path: Path) -> None:
    """A job packs them, of which a notice tells; its result is fetched from the list of jobs as
    well, which says how large it is."""
    page = explorer("?q=Thorax")
    expect(page.locator('[aria-rowindex="2"] a')).to_be_visible()
    page.get_by_role("grid").focus()
    page.keyboard.press("Control+a")
    expect(page.get_by_text("100 selected")).to_be_visible()
    page.keyboard.press("d")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("the result waits on the page Jobs")
    with page.expect_download() as downloading:
        dialog.get_by_role("button", name="Download").click()
        page.get_by_role("button", name="Show the job").click()
    archive = tmp_path / "studies.zip"
    downloading.value.save_as(archive)
    with zipfile.ZipFile(archive) as opened:
        assert len(opened.namelist()) >= 100
    expect(page.get_by_text("100 studies are packed").last).to_be_visible()
    made = dialog.get_by_role("paragraph").filter(has_text="Download what it has made")
    expect(made).to_contain_text(re.compile(r"[0-9] [kM]B$"))
    with page.expect_download() as again:
        made.get_by_role("link").click()
    again.value.save_as(tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == archive.read_bytes()
