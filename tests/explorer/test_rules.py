# SPDX-License-Identifier: Apache-2.0
"""Routing rules in a browser: added, changed, disabled, removed, and tried without sending."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from browsing import Open, faults_in_each_language, reload
from outside import Store
from patients import encoded, scan

CT = {"On": "StableStudy", "When": [{"Tag": "Modality", "Is": ["CT"]}], "Label": ["is-ct"]}
SENT = {"On": "NewInstance", "When": [{"Origin": "NM*"}], "To": ["modality:fixed"]}


@pytest.fixture(autouse=True)
def nobody_else(store: Store) -> Iterator[None]:
    """Rules of a test go with it; they rest, so that nothing is sent for them."""
    for name, rule in (("ct", CT), ("sent", SENT)):
        body = {**rule, "Enabled": False}
        store.http.put(f"/routing/rules/{name}", json=body).raise_for_status()
    yield
    for name in store.get("/routing/rules"):
        store.http.delete(f"/routing/rules/{name}")


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name, exact=False))


def test_rule(explorer: Open, store: Store) -> None:
    """A rule is made of lines, refused with the reason, changed, disabled and removed."""
    page = explorer("operate/routing")
    expect(row(page, "sent")).to_contain_text("Rests")
    page.get_by_role("button", name="Add a rule").press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("textbox", name="Name")).to_be_focused()
    page.keyboard.type("mr")
    dialog.get_by_label("What (1)").fill("Modalitty")
    dialog.get_by_label("Is one of (1)").fill("MR, PT")
    dialog.get_by_label("Put labels").fill("scans")
    dialog.get_by_role("button", name="Save").click()
    what = dialog.get_by_label("What (1)")
    expect(what).to_have_accessible_description("Unknown DICOM tag: Modalitty")
    expect(what).to_be_focused()
    what.fill("Modality")
    needs = {
        "What (1)": "This is needed.",
        "Is one of (1)": "This is needed.",
        "Put labels": "Where to send to or which labels to put: a rule does one of them or both.",
    }
    for one, told in needs.items():
        field = dialog.get_by_label(one)
        whole = field.input_value()
        field.fill(" ")
        dialog.get_by_role("button", name="Save").click()
        expect(field).to_have_accessible_description(told)
        expect(field).to_be_focused()
        field.fill(whole)
    assert "mr" not in store.get("/routing/rules")
    dialog.get_by_role("button", name="Save").click()
    expect(row(page, "mr")).to_contain_text("Modality = MR, PT")
    expected = {
        "On": "StableStudy",
        "When": [{"Tag": "Modality", "Is": ["MR", "PT"]}],
        "To": [],
        "Label": ["scans"],
        "Enabled": True,
    }
    assert store.get("/routing/rules/mr") == expected
    page.get_by_role("button", name="Disable mr").click()
    expect(row(page, "mr")).to_contain_text("Rests")
    assert store.get("/routing/rules/mr") == {**expected, "Enabled": False}
    # What somebody else has changed since the page was read stays so.
    theirs = {**expected, "When": [{"Tag": "Modality", "Is": ["MR"]}], "Enabled": False}
    store.http.put("/routing/rules/mr", json=theirs).raise_for_status()
    page.get_by_role("button", name="Enable mr").click()
    expect(row(page, "mr")).not_to_contain_text("Rests")
    assert store.get("/routing/rules/mr") == {**theirs, "Enabled": True}
    store.http.put("/routing/rules/mr", json={**expected, "Enabled": False}).raise_for_status()
    reload(page)
    page.get_by_role("button", name="Change mr").click()
    dialog.get_by_label("modality:fixed").check()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Go on typing").click()
    dialog.get_by_role("button", name="Save").click()
    expect(row(page, "mr")).to_contain_text("send to modality:fixed")
    assert store.get("/routing/rules/mr")["Enabled"] is False
    page.get_by_role("button", name="Remove mr").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(row(page, "mr")).to_have_count(0)
    assert sorted(store.get("/routing/rules")) == ["ct", "sent"]


def test_tester(explorer: Open, store: Store) -> None:
    """Rules are tried on a study, on a chosen file and on a dropped one: none is kept or sent."""
    page = explorer("operate/routing", alone=True)
    requests: list[str] = []
    page.on("request", lambda one: requests.append(f"{one.method} {one.url}"))
    tester = page.get_by_role("region", name="Try the rules")
    mr = scan(8101, "Try^Me", "TRY", "20260101")
    mr.Modality = "MR"
    file = {"name": "mr.dcm", "mimeType": "", "buffer": encoded(mr)}
    tester.get_by_label("AE title that would send it").fill("NM1")
    with page.expect_file_chooser() as choosing:
        tester.get_by_role("button", name="Choose a file").click()
    choosing.value.set_files([file])  # type: ignore[list-item]
    told = tester.get_by_role("listitem")
    expect(told.filter(has_text="ct")).to_contain_text("does not hold: Modality = CT · here: MR")
    expect(told.filter(has_text="sent")).to_contain_text("would hold, but rests")
    with page.expect_file_chooser() as choosing:
        tester.get_by_role("button", name="Choose a file").click()
    note = {"name": "note.txt", "mimeType": "", "buffer": b"no image" * 100}
    choosing.value.set_files([note])  # type: ignore[list-item]
    expect(tester.get_by_role("alert")).to_be_visible()
    for selector in ("h1", "[data-own-drop] [data-rac]"):
        drop(page, selector)
    page.wait_for_timeout(500)
    assert page.url.endswith("/operate/routing")
    assert not [one for one in requests if one.endswith("/instances")]
    studies = store.http.post("/tools/find", json={"Level": "Study", "Query": {"PatientID": "TRY"}})
    assert studies.json() == []


def drop(page: Page, selector: str) -> None:
    """Let go of a file over an element."""
    page.evaluate(
        """selector => {
          const data = new DataTransfer();
          data.items.add(new File(['DICM'], 'dropped.dcm'));
          const options = {dataTransfer: data, bubbles: true, cancelable: true};
          const element = document.querySelector(selector);
          for (const kind of ['dragenter', 'dragover', 'drop'])
            element.dispatchEvent(new DragEvent(kind, options));
        }""",
        selector,
    )


def test_tester_of_studies(explorer: Open, store: Store) -> None:
    """A study is found as in the list, and each rule says what it would do with it."""
    page = explorer("operate/routing")
    tester = page.get_by_role("region", name="Try the rules")
    tester.get_by_label("A study of this store").fill("P0003")
    found = tester.get_by_role("button", name="Weiß")
    expect(found).to_have_text(re.compile(r" · \d\d/\d\d/\d{4} · "))
    found.click()
    told = tester.get_by_role("listitem")
    expect(told.filter(has_text="ct")).to_contain_text("would hold, but rests")
    expect(told.filter(has_text="sent")).to_contain_text(
        "does not hold: Origin = NM* · here: nothing"
    )


def test_a_doubtful_rule(explorer: Open, store: Store) -> None:
    """Why a rule may not do what it is to do is told once it is enabled, until it rests again."""
    rule = {"On": "StableStudy", "To": ["modality:later"], "Enabled": False}
    store.http.put("/routing/rules/early", json=rule).raise_for_status()
    page = explorer("operate/routing")
    page.get_by_role("button", name="Enable early").click()
    notices = page.get_by_role("region", name="Notices")
    expect(notices).to_contain_text("early is saved. modality:later is not known yet")
    page.get_by_role("button", name="Disable early").click()
    expect(notices).not_to_contain_text("not known yet")
    store.http.delete("/routing/rules/early").raise_for_status()


def test_accessible(explorer: Open, store: Store) -> None:
    """The page and its form in a narrow window, as axe sees them."""
    page = explorer("operate/routing", viewport={"width": 768, "height": 1024})
    expect(row(page, "sent")).to_be_visible()
    assert faults_in_each_language(page) == []
    row(page, "sent").get_by_role("button").nth(1).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert faults_in_each_language(page) == []
