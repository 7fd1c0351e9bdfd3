# SPDX-License-Identifier: Apache-2.0
"""Studies are sent to others, and files come in, by what people press."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from browsing import Open, choose, visit
from outside import Store
from patients import encoded, scan, send

JOB = re.compile(r":\d+/jobs/[^/]+$")
"""Where a job is asked for, and not a list of them."""


@pytest.fixture
def nobody(store: Store) -> Iterator[str]:
    """A destination that does not answer."""
    described = {"AET": "NOBODY", "Host": "127.0.0.1", "Port": 9}
    assert store.http.put("/modalities/nobody", json=described).status_code == 200
    yield "nobody"
    assert store.http.delete("/modalities/nobody").status_code == 200


def test_send_says_what_went_wrong(explorer: Open, store: Store, nobody: str) -> None:
    """A destination that does not answer is told with its cause, which leads to the job; nothing is
    lost."""
    send(store, scan(8007, "Send^Me", "SEND", "20260101"))
    page = explorer("?q=SEND")
    choose(page)
    page.keyboard.press("e")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Send").click()
    expect(dialog).to_contain_text("Choose where to")
    dialog.get_by_label(nobody).check()
    dialog.get_by_role("button", name="Send").click()
    notice = page.get_by_label("Notices")
    expect(notice).to_contain_text("Sending to nobody failed: ")
    expect(notice).to_contain_text("connection refused by 127.0.0.1:9")
    expect(page.get_by_text("1 selected")).to_be_visible()
    notice.get_by_role("button", name="Show the job").click()
    expect(page.get_by_role("dialog")).to_contain_text("connection refused by 127.0.0.1:9")
    whole = page.get_by_title("connection refused by 127.0.0.1:9")
    expect(whole.first).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Try again").click()
    expect(notice).to_contain_text("1 job is tried again")
    expect(notice).not_to_contain_text("Sending to nobody")


def test_who_can_send_nowhere_is_led_to_where_destinations_are_made(
    explorer: Open, store: Store
) -> None:
    """Without a modality or a peer the dialog says so, and leads to the page that makes one."""
    send(store, scan(8014, "Send^Nowhere", "NOWHERE", "20260101"))
    page = explorer("?q=NOWHERE")
    page.route("**/modalities", lambda route: route.fulfill(json=[]))
    page.route("**/peers", lambda route: route.fulfill(json=[]))
    choose(page)
    page.keyboard.press("e")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("There is nowhere to send to")
    dialog.get_by_role("link", name="Add one").click()
    expect(page.get_by_role("heading", name="Modalities")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_end_of_sending_is_told(explorer: Open, store: Store, nobody: str) -> None:
    """A store that is away while a job runs is asked again; what is not known is said."""
    send(store, scan(8012, "Watch^Me", "WATCH", "20260101"))
    page = explorer("upload")
    for status, times, told in (
        (503, 3, f"Sending to {nobody} failed: "),
        (404, 1, f"Whether all was sent to {nobody} is not known"),
    ):
        visit(page, "/explorer/?q=WATCH")
        answer_at_first(page, JOB, status, times)
        choose(page)
        page.keyboard.press("e")
        dialog = page.get_by_role("dialog")
        dialog.get_by_label(nobody).check()
        dialog.get_by_role("button", name="Send").click()
        expect(page.get_by_text(told).last).to_be_visible()


def answer_at_first(page: Page, address: re.Pattern[str], status: int, times: int) -> None:
    """The next requests for an address get an answer that is not the store's."""
    page.route(
        address,
        lambda route: route.fulfill(status=status, json={"HttpStatus": status}),
        times=times,
    )


def test_upload(explorer: Open, store: Store) -> None:
    """Each file has its outcome; the queue goes on while another page is looked at."""
    files = [
        {"name": f"{number}.dcm", "mimeType": "", "buffer": encoded(ds)}
        for number in (8008, 8009)
        for ds in [scan(number, "Upload^Me", "UPLOAD", "20260101")]
    ]
    note = {"name": "note.txt", "mimeType": "text/plain", "buffer": b"no image"}
    index = {"name": "DICOMDIR", "mimeType": "", "buffer": b"an index"}
    page = explorer("upload")
    with page.expect_file_chooser() as choosing:
        page.get_by_role("button", name="Choose files").click()
    choosing.value.set_files([*files, note, index])  # type: ignore[list-item]
    expect(page.get_by_text("4 of 4 files")).to_be_visible()
    table = page.get_by_role("table")
    expect(table.get_by_role("row", name="8008.dcm")).to_contain_text("stored")
    expect(table.get_by_role("row", name="note.txt")).to_contain_text("not valid DICOM")
    expect(table.get_by_role("row", name="DICOMDIR")).to_contain_text("left out")
    expect(page.get_by_role("link", name="Upload, Me")).to_have_count(2)
    page.get_by_role("link", name="Studies", exact=True).click()
    page.get_by_role("searchbox").fill("UPLOAD")
    expect(page.get_by_text("2 studies", exact=True).first).to_be_visible()
    assert len(store.http.post("/tools/find", json=query("UPLOAD")).json()) == 2


def query(patient_id: str) -> dict[str, object]:
    return {"Level": "Study", "Query": {"PatientID": patient_id}}
