# SPDX-License-Identifier: Apache-2.0
"""The worklist in a browser: entries are made, changed and deleted; files of a folder are shown."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from pydicom import Dataset

from browsing import Open, faults_in_each_language, faults_of, reload
from outside import Store


@pytest.fixture(autouse=True)
def nothing_else(store: Store, worklist_files: Path) -> Iterator[None]:
    """What a test adds goes with it."""
    yield
    for entry in store.get("/worklists"):
        store.http.delete(f"/worklists/{entry['ID']}").raise_for_status()
    for path in worklist_files.iterdir():
        path.unlink()


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name))


def entry_file() -> bytes:
    """A worklist file as another system writes it."""
    step = Dataset()
    step.Modality, step.ScheduledStationAETitle = "MR", "MR7"
    step.ScheduledProcedureStepStartDate = "20261201"
    step.ScheduledProcedureStepStartTime = "0930"
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName, ds.PatientID, ds.AccessionNumber = "Filed^Frida", "F1", "A9"
    ds.RequestedProcedureDescription = "Knee"
    ds.ScheduledProcedureStepSequence = [step]
    buffer = BytesIO()
    ds.save_as(buffer, implicit_vr=False, little_endian=True)
    return buffer.getvalue()


def test_an_entry(explorer: Open, store: Store) -> None:
    """Mistakes are told at their fields, also what the store refuses; what was made is changed and
    deleted, and nothing of it is lost that the form does not have."""
    page = explorer()
    expect(page.locator('[aria-rowindex="2"] a')).to_be_visible()
    page.keyboard.type("gw")
    page.wait_for_url("**/explorer/worklist")
    expect(page.get_by_text("Nothing is scheduled.")).to_be_visible()
    page.get_by_role("button", name="Add an entry").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Modality").fill("ct")
    page.keyboard.press("Tab")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("This is needed.")).to_have_count(2)
    expect(dialog.get_by_text("1 to 16 capital letters, digits, spaces or _.")).to_be_visible()
    dialog.get_by_label("Name", exact=True).fill("ROE^RICHARD")
    dialog.get_by_label("Patient ID").fill("P1")
    dialog.get_by_label("Born").fill("1961-04-12")
    dialog.get_by_label("Accession number").fill("A100")
    dialog.get_by_label("What is to be done").fill("Thorax")
    dialog.get_by_label("Modality").fill("CT")
    dialog.get_by_label("Station (AE title)").fill("CT1")
    dialog.get_by_label("Day").fill("2026-12-02")
    dialog.get_by_label("Time").fill("08:30")
    assert faults_of(page) == []
    dialog.get_by_role("button", name="Save").click()
    roe = row(page, "ROE, RICHARD")
    expect(roe).to_contain_text("02/12/2026")
    expect(roe).to_contain_text("CT · CT1")
    (entry,) = store.get("/worklists")
    step = entry["Tags"]["ScheduledProcedureStepSequence"][0]
    assert step["ScheduledProcedureStepStartTime"] == "083000"
    assert (entry["Tags"]["PatientBirthDate"], entry["Tags"]["AccessionNumber"]) == (
        "19610412",
        "A100",
    )
    uid = entry["Tags"]["StudyInstanceUID"]
    kept = {"Tags": entry["Tags"] | {"PatientComments": "Walks"}}
    store.http.put(f"/worklists/{entry['ID']}", json=kept).raise_for_status()
    reload(page)

    page.get_by_role("button", name="Change the entry of ROE, RICHARD").click()
    dialog.get_by_label("Time").fill("09:45")
    dialog.get_by_label("Who performs it").fill("Miller^Ada")
    dialog.get_by_role("button", name="Save").click()
    expect(roe).to_contain_text("09:45")
    expect(roe).to_contain_text("Miller, Ada")
    (entry,) = store.get("/worklists")
    assert entry["Tags"]["PatientComments"] == "Walks"
    assert entry["Tags"]["StudyInstanceUID"] == uid

    page.get_by_label("Find in the list").fill("nobody")
    expect(page.get_by_text("No entry matches.")).to_be_visible()
    page.get_by_label("Find in the list").fill("thorax roe")
    page.get_by_role("button", name="Delete the entry of ROE, RICHARD").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(roe).to_have_count(0)
    assert store.get("/worklists") == []


def test_changed_meanwhile(explorer: Open, store: Store) -> None:
    """Who is slower is told, and leaves it, or overwrites it; what was not seen is not deleted."""
    step = {"Modality": "CT", "ScheduledProcedureStepStartDate": "20261202"}
    tags = {
        "PatientName": "ROE^RICHARD",
        "PatientID": "P1",
        "ScheduledProcedureStepSequence": [step],
    }
    made = store.http.post("/worklists/create", json={"Tags": tags}).raise_for_status().json()
    page = explorer("worklist")
    dialog = page.get_by_role("dialog")
    roe = row(page, "ROE, RICHARD")

    def change_to(accession: str) -> None:
        changed = {"Tags": tags | {"AccessionNumber": accession}}
        store.http.put(made["Path"], json=changed).raise_for_status()

    for choice, shown in (("Leave it as it is now", "Theirs1"), ("Overwrite it", "Mine2")):
        page.get_by_role("button", name="Change the entry of ROE, RICHARD").click()
        dialog.get_by_label("Accession number").fill(f"Mine{shown[-1]}")
        change_to(f"Theirs{shown[-1]}")
        dialog.get_by_role("button", name="Save").click()
        expect(dialog.get_by_role("alert")).to_contain_text("Somebody has changed this meanwhile.")
        dialog.get_by_role("button", name=choice).click()
        expect(roe).to_contain_text(f"Accession {shown}")
        expect(dialog).to_have_count(0)
    page.get_by_role("button", name="Delete the entry of ROE, RICHARD").click()
    change_to("Theirs3")
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog.get_by_role("alert")).to_contain_text("was changed meanwhile")
    assert len(store.get("/worklists")) == 1
    dialog.get_by_role("button", name="Cancel").click()
    expect(roe).to_contain_text("Accession Theirs3")
    page.get_by_role("button", name="Delete the entry of ROE, RICHARD").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(roe).to_have_count(0)


def test_what_the_store_refuses(explorer: Open, store: Store) -> None:
    """It is told at the field that it is about."""
    page = explorer("worklist")
    page.get_by_role("button", name="Add an entry").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("ROE^RICHARD")
    dialog.get_by_label("Patient ID").fill("P1")
    dialog.get_by_label("Modality").fill("CT")
    dialog.get_by_label("Day").fill("2026-12-02")
    said = {"HttpStatus": 400, "Details": "AccessionNumber: It is taken"}
    page.route("**/explorer/api/worklists", lambda route: route.fulfill(status=400, json=said))
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_label("Accession number")).to_have_accessible_description("It is taken")
    assert store.get("/worklists") == []


def test_files_of_the_folder(explorer: Open, worklist_files: Path) -> None:
    """They are shown with their names, and are others' to change; a bad one says why."""
    (worklist_files / "frida.wl").write_bytes(entry_file())
    (worklist_files / "torn.wl").write_bytes(entry_file()[:40])
    page = explorer("worklist")
    frida = row(page, "Filed, Frida")
    expect(frida).to_contain_text("File frida.wl")
    expect(frida).to_contain_text("MR · MR7")
    expect(frida.get_by_role("button")).to_have_count(0)
    expect(row(page, "torn.wl")).to_contain_text("Modalities are not shown this file.")


def test_accessible(explorer: Open, store: Store, worklist_files: Path) -> None:
    """The list, its form and a narrow window, as axe sees them."""
    (worklist_files / "torn.wl").write_bytes(b"no DICOM")
    step = {"Modality": "CT", "ScheduledProcedureStepStartDate": "20261202"}
    tags = {"PatientName": "ROE^RICHARD", "ScheduledProcedureStepSequence": [step]}
    store.http.post("/worklists/create", json={"Tags": tags}).raise_for_status()
    page = explorer("worklist", viewport={"width": 768, "height": 1024})
    roe = row(page, "ROE, RICHARD")
    expect(roe).to_be_visible()
    assert faults_in_each_language(page) == []
    roe.get_by_role("button").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert faults_in_each_language(page) == []
