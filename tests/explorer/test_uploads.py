# SPDX-License-Identifier: Apache-2.0
"""A folder of small files: few requests, and each file has its outcome all the same."""

from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

from playwright.sync_api import Page, Request, Route, expect

from browsing import Open
from outside import Store, eventually
from patients import encoded, scan

FILES = 40
NOTE = "20 Note of the radiologist about the images of this folder.txt"


def folder_of(place: Path) -> Path:
    """FILES images, each a study of its own, and among them a text and an index."""
    for number in range(FILES):
        ds = scan(8300 + number, "Folder^Me", "FOLDER", "20260101")
        (place / f"{number:02}.dcm").write_bytes(encoded(ds))
    (place / NOTE).write_bytes(b"no image")
    (place / "DICOMDIR").write_bytes(b"an index")
    return place


def choose_folder(page: Page, folder: Path) -> None:
    picker = page.locator('input[type="file"][webkitdirectory]')
    picker.wait_for(state="attached")
    picker.set_input_files(folder)


def expect_stored(page: Page, store: Store, others: int = 2) -> None:
    files = FILES + others
    expect(page.get_by_text(f"{files} of {files} files")).to_be_visible()
    rows = page.get_by_role("table").get_by_role("row").filter(has_text=".dcm")
    expect(rows.filter(has_text="stored")).to_have_count(FILES)
    query = {"Level": "Study", "Query": {"PatientID": "FOLDER"}}
    eventually(
        "all are indexed",
        lambda: len(store.http.post("/tools/find", json=query).json()) == FILES,
    )


def test_a_folder(explorer: Open, store: Store, tmp_path: Path) -> None:
    """All that are images are stored, what is none is told, and few requests are needed. A name has
    one line where there is room for it, however long the reason beside it."""
    page = explorer("upload")
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith(("/explorer/api/upload", "/instances")):
            sent.append(request.url)

    page.on("request", note)
    choose_folder(page, folder_of(tmp_path))
    expect_stored(page, store)
    rows = page.get_by_role("table").get_by_role("row")
    expect(rows.filter(has_text=NOTE)).to_contain_text("not valid DICOM")
    expect(rows.filter(has_text="DICOMDIR")).to_contain_text("left out")
    expect(rows.filter(has_text="DICOMDIR")).to_contain_text("which is not stored itself")
    assert page.get_by_text(NOTE).evaluate("name => name.getClientRects().length") == 1
    assert len(sent) < FILES / 2


def test_zips(explorer: Open, tmp_path: Path) -> None:
    """Why nothing of a ZIP is stored is said; images of one inside it are. One with a damaged file
    is stored in part, and its study is named."""
    image = encoded(scan(8390, "Packed^Twice", "TWICE", "20260101"))
    inner = BytesIO()
    with ZipFile(inner, "w") as packed:
        packed.writestr("image.dcm", encoded(scan(8391, "Packed^Deep", "DEEP", "20260101")))
    with ZipFile(tmp_path / "twice.zip", "w") as packed:
        packed.writestr("inner.zip", inner.getvalue())
    with ZipFile(tmp_path / "none.zip", "w") as packed:
        packed.writestr("notes.txt", b"nothing")
    with ZipFile(tmp_path / "part.zip", "w") as packed:
        packed.writestr("whole.dcm", image)
        packed.writestr("cut.dcm", image[:-100])
    page = explorer("upload")
    picker = page.locator('input[type="file"]').first
    picker.wait_for(state="attached")
    picker.set_input_files([tmp_path / f"{name}.zip" for name in ("twice", "none", "part")])
    row = page.get_by_role("table").get_by_role("row")
    expect(row.filter(has_text="twice.zip")).to_contain_text("stored")
    expect(row.filter(has_text="none.zip")).to_contain_text("No DICOM file is in this ZIP.")
    expect(row.filter(has_text="part.zip")).to_contain_text("stored in part")
    expect(row.filter(has_text="part.zip")).to_contain_text("cut.dcm")
    for name in ("Packed, Twice", "Packed, Deep"):
        expect(page.get_by_role("listitem").filter(has_text=name)).to_contain_text("1 image")
    expect(page.get_by_text("1 file is uploaded, 2 are not").last).to_be_visible()


def test_refused_together(explorer: Open, store: Store, tmp_path: Path) -> None:
    """A proxy that lets no such form pass: each file goes alone. One that has gone from the disk
    meanwhile is told so, and is no reason to take the store for gone."""
    page = explorer("upload")
    gone = tmp_path / "gone"
    gone.write_bytes(b"no image either")

    def refuse(route: Route) -> None:
        gone.unlink(missing_ok=True)
        route.fulfill(status=413)

    page.route("**/explorer/api/upload", refuse)
    choose_folder(page, folder_of(tmp_path))
    expect_stored(page, store, others=3)
    row = page.get_by_role("table").get_by_role("row").filter(has_text="gone")
    expect(row).to_contain_text("refused")
    expect(row).to_contain_text("could not be found")
