# SPDX-License-Identifier: Apache-2.0
"""A study in a browser: its tree, its tags, its links, and what can be done with it."""

from zipfile import ZipFile

import pytest
from playwright.sync_api import Route, expect
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid

from browsing import Open, faults_in_each_language, faults_of, reload, until, visit
from outside import Store, eventually
from pictures import picture, send, slope, volume

HOSTILE = "<img src=x onerror=alert(1)>\u202egpj.exe " + "long " * 200 + "the end"
WAIT = 60_000
SHOWN_OF_A_TAB = {1: "a", 2: "[role=row]", 3: "dl dt", 4: "tbody tr"}
"""What each tab has once it is loaded."""


def study_of(store: Store, series: str) -> str:
    study: str = store.get(f"/series/{series}")["ParentStudy"]
    return study


@pytest.fixture
def series(store: Store) -> str:
    """A series of three slices, of a study with another one of one."""
    slices = volume(3, PatientName="Tree^Ann", PatientID="TREE", StudyDescription="Thorax")
    one = picture(
        slope(),
        StudyInstanceUID=slices[0].StudyInstanceUID,
        PatientName="Tree^Ann",
        PatientID="TREE",
        SeriesNumber=2,
        SeriesDescription="Second",
    )
    send(store, one)
    return send(store, *slices)


def test_tree_by_keyboard(explorer: Open, store: Store, series: str) -> None:
    """Arrow keys open a series and choose an instance, whose tags are shown; the address has it."""
    page = explorer(f"studies/{study_of(store, series)}?tab=tags")
    tree = page.get_by_role("tree")
    expect(tree).to_be_visible(timeout=WAIT)
    tree.focus()
    for key in ("Home", "ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    expect(page.get_by_role("treeitem", name="Instance 3")).to_be_visible(timeout=WAIT)
    page.keyboard.press("ArrowDown")
    chosen = store.get(f"/series/{series}/frame-order")["Instances"][0]["Instance"]
    page.wait_for_url(f"**/studies/*instance={chosen}*")
    uid = store.get(f"/instances/{chosen}")["MainDicomTags"]["SOPInstanceUID"]
    page.get_by_role("tabpanel").get_by_role("searchbox").fill("sop instance uid")
    expect(page.get_by_role("tabpanel").get_by_text(uid).first).to_be_visible(timeout=WAIT)
    reload(page)
    expect(tree.get_by_role("treeitem").first).to_be_visible(timeout=WAIT)
    selected = page.get_by_role("treeitem", selected=True)
    expect(selected).to_have_count(0, timeout=WAIT)  # its series is closed again
    assert faults_of(page) == []


def test_tags_are_those_of_what_is_chosen(explorer: Open, store: Store, series: str) -> None:
    """While those of an instance have not come, nobody takes those of another one for them."""
    first, second = (
        one["Instance"] for one in store.get(f"/series/{series}/frame-order")["Instances"][:2]
    )
    uid, other = (
        store.get(f"/instances/{one}")["MainDicomTags"]["SOPInstanceUID"] for one in (first, second)
    )
    page = explorer(f"studies/{study_of(store, series)}?tab=tags")
    waiting: list[Route] = []
    page.route(
        f"**/explorer/api/instances/{second}/tags**", lambda one: waiting.append(one), times=1
    )
    tree, panel = page.get_by_role("tree"), page.get_by_role("tabpanel")
    expect(tree).to_be_visible(timeout=WAIT)
    panel.get_by_role("searchbox").fill("sop instance uid")
    tree.focus()
    for key in ("Home", "ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    expect(page.get_by_role("treeitem", name="Instance 3")).to_be_visible(timeout=WAIT)
    page.keyboard.press("ArrowDown")
    expect(panel.get_by_text(uid).first).to_be_visible(timeout=WAIT)
    page.keyboard.press("ArrowDown")
    page.wait_for_url(f"**/studies/*instance={second}*")
    expect(panel.get_by_text(uid)).to_have_count(0)
    until(page, lambda: waiting)
    (held,) = waiting
    held.continue_()
    expect(panel.get_by_text(other).first).to_be_visible(timeout=WAIT)


def test_a_whole_value_is_that_of_what_is_chosen(explorer: Open, store: Store) -> None:
    """One that was asked for is not told of another instance, which has the same tag."""
    slices = volume(2)
    for ds in slices:
        ds.ImageComments = "long " * 200 + "the end"
    page = explorer(f"studies/{study_of(store, send(store, *slices))}?tab=tags")
    panel, tree = page.get_by_role("tabpanel"), page.get_by_role("tree")
    expect(tree).to_be_visible(timeout=WAIT)
    tree.focus()
    for key in ("Home", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    first, second = (tree.get_by_role("treeitem", name=f"Instance {place}") for place in (1, 2))
    whole = panel.get_by_role("button", name="show all")
    second.click(timeout=WAIT)
    panel.get_by_role("searchbox").fill("comments")
    expect(second).to_have_attribute("aria-selected", "true")
    expect(whole).to_be_visible(timeout=WAIT)
    first.click()
    expect(first).to_have_attribute("aria-selected", "true")
    whole.click(timeout=WAIT)
    expect(panel.get_by_text("the end")).to_be_visible(timeout=WAIT)
    second.click()  # whose tags are known by now: they are there at once
    expect(second).to_have_attribute("aria-selected", "true")
    expect(whole).to_be_visible()
    expect(panel.get_by_text("the end")).to_have_count(0)


def test_tags_are_found_and_shown_as_text(explorer: Open, store: Store) -> None:
    """A search finds within sequences; a value is text whatever it looks like, whole on demand."""
    inner = Dataset()
    inner.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    inner.ReferencedSOPInstanceUID = generate_uid()
    ds = picture(slope(), ImageComments=HOSTILE, ReferencedImageSequence=Sequence([inner]))
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.private_block(0x0019, "PONS TEST", create=True).add_new(0x01, "LO", "secret")
    page = explorer(f"studies/{study_of(store, send(store, ds))}?tab=tags")
    panel = page.get_by_role("tabpanel")
    search = panel.get_by_role("searchbox")
    expect(search).to_be_visible(timeout=WAIT)
    search.fill("mr image storage")
    expect(panel.get_by_text("Referenced Image Sequence")).to_be_visible()
    expect(panel.get_by_text("Item 1")).to_be_visible()
    search.fill("comments")
    expect(panel.get_by_text("<img src=x onerror=alert(1)>")).to_be_visible()
    expect(panel.get_by_text("the end")).to_have_count(0)
    panel.get_by_role("button", name="show all").click()
    expect(panel.get_by_text("the end")).to_be_visible(timeout=WAIT)
    search.fill("secrets")
    expect(panel.get_by_text("No tag matches.")).to_be_visible()
    search.fill("secret")
    expect(panel.get_by_text("Only private tags match")).to_be_visible()
    panel.get_by_text("private", exact=True).click()
    expect(panel.get_by_text("secret")).to_be_visible()
    expect(panel.get_by_text("PONS TEST")).to_be_visible()
    assert faults_of(page) == []


def test_links_that_stay(explorer: Open, store: Store) -> None:
    """By UID, accession number and identifiers of series and instance; what is not here is told."""
    ds = picture(slope(), AccessionNumber="ACC-4711", PatientID="LINKS")
    series = send(store, ds)
    study = study_of(store, series)
    page = explorer(f"uid/{ds.StudyInstanceUID}")
    page.wait_for_url(f"**/explorer/studies/{study}")
    visit(page, "/explorer/accession/ACC-4711")
    page.wait_for_url(f"**/explorer/studies/{study}")
    visit(page, f"/explorer/series/{series}")
    page.wait_for_url(f"**/explorer/studies/{study}?series={series}")
    instance = store.get(f"/series/{series}")["Instances"][0]
    visit(page, f"/explorer/instances/{instance}")
    page.wait_for_url(f"**/explorer/studies/{study}?*instance={instance}*")
    visit(page, "/explorer/accession/ACC-*")
    expect(page.get_by_role("heading", name="No study here has ACC-*")).to_be_visible(timeout=WAIT)
    visit(page, "/explorer/studies?q=muller&sort=name")
    page.wait_for_url("**/explorer/?q=muller&sort=name")
    visit(page, "/explorer/uid/1.2.3.4.5")
    expect(page.get_by_role("heading", name="No study here has 1.2.3.4.5")).to_be_visible(
        timeout=WAIT
    )
    page.get_by_role("link", name="Ask other archives").click()
    expect(page.get_by_role("textbox", name="Study UID")).to_have_value("1.2.3.4.5")


def test_view_and_back(explorer: Open, store: Store, series: str) -> None:
    """From the study to its pictures by key, and back to where one was."""
    study = study_of(store, series)
    page = explorer(f"studies/{study}?series={series}")
    expect(page.get_by_role("link", name="View")).to_be_visible(timeout=WAIT)
    expect(page.get_by_role("img").first).to_have_count(0)  # thumbnails are decoration
    page.keyboard.press("v")
    page.wait_for_url(f"**/explorer/view/{series}*")
    expect(page.locator("canvas")).to_be_visible(timeout=WAIT)
    page.get_by_role("link", name="Study", exact=True).click()
    page.wait_for_url(f"**/explorer/studies/{study}?series={series}")


def test_protect_and_delete(explorer: Open, store: Store) -> None:
    """A protected patient stays; once it is not, a deletion can be taken back, and then happens."""
    series = send(store, picture(slope(), PatientID="GONE", PatientName="Gone^Al"))
    study = study_of(store, series)
    patient = store.get(f"/studies/{study}")["ParentPatient"]
    page = explorer(f"studies/{study}", clock=True)
    page.get_by_role("button", name="Protect", exact=True).click(timeout=WAIT)
    expect(page.get_by_role("button", name="Unprotect")).to_be_visible(timeout=WAIT)
    assert store.get(f"/patients/{patient}/protected") == 1
    page.keyboard.press("#")
    expect(page.get_by_role("dialog")).to_be_visible(timeout=WAIT)
    assert faults_of(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Unprotect").click()
    expect(page.get_by_role("button", name="Protect", exact=True)).to_be_enabled(timeout=WAIT)
    page.keyboard.press("#")
    page.wait_for_url("**/explorer/")
    page.keyboard.press("z")
    expect(page.get_by_role("region", name="Notices")).to_contain_text("1 study is back")
    assert store.http.get(f"/studies/{study}").status_code == 200
    visit(page, f"/explorer/studies/{study}")
    page.get_by_role("button", name="Delete").click(timeout=WAIT)
    page.wait_for_url("**/explorer/")
    page.clock.fast_forward(11_000)
    eventually("it is deleted", lambda: store.http.get(f"/studies/{study}").status_code == 404)


def test_deletion_of_more_than_is_selected(explorer: Open, store: Store, series: str) -> None:
    """That the whole study goes is said before; where it is selected itself, nothing is asked."""
    study = study_of(store, series)
    page = explorer(f"studies/{study}?series={series}", clock=True)
    page.get_by_role("button", name="Delete", exact=True).click(timeout=WAIT)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("the whole study is deleted, with all its series", timeout=WAIT)
    expect(dialog).to_contain_text("2 series, 4 images")
    assert faults_of(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.get_by_role("treeitem", name="Study").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.wait_for_url("**/explorer/")
    page.keyboard.press("z")
    expect(page.get_by_role("region", name="Notices")).to_contain_text("1 study is back")


def test_download_of_the_selected_series(explorer: Open, store: Store, series: str) -> None:
    """It comes alone; where no series is selected, only the whole study is offered."""
    study = study_of(store, series)
    page = explorer(f"studies/{study}?series={series}")
    page.get_by_role("button", name="Download").click(timeout=WAIT)
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="ZIP of the selected series").click()
    with ZipFile(download.value.path()) as packed:
        assert len(packed.namelist()) == 3
    page.get_by_role("treeitem", name="Study").click()
    page.get_by_role("button", name="Download").click()
    expect(page.get_by_role("menuitem")).to_have_text(["ZIP with folders", "Medium with DICOMDIR"])


def test_accessible(explorer: Open, store: Store, series: str) -> None:
    """Every part of the page, wide and narrow."""
    study = study_of(store, series)
    page = explorer(f"studies/{study}?series={series}")
    expect(page.get_by_role("tree")).to_be_visible(timeout=WAIT)
    for number in (1, 2, 3, 4):
        page.keyboard.press(str(number))
        expect(page.get_by_role("tab").nth(number - 1)).to_have_attribute("aria-selected", "true")
        expect(page.get_by_role("tabpanel").locator(SHOWN_OF_A_TAB[number]).first).to_be_visible()
        assert faults_in_each_language(page) == []
    page.set_viewport_size({"width": 768, "height": 1024})
    assert faults_in_each_language(page) == []
