# SPDX-License-Identifier: Apache-2.0
"""The history of a study in a browser: its changes, where it was sent, and the jobs about it."""

from playwright.sync_api import expect

from browsing import Open, faults_of
from outside import Store, eventually
from patients import scan, send


def test_one_list(explorer: Open, store: Store) -> None:
    """What came, and a job that failed with its reason; kinds are left out by keyboard."""
    study = send(store, scan(8801, "History^Ann", "HISTORY", "20260514"))
    eventually("it is stable", lambda: store.get(f"/studies/{study}")["IsStable"])
    store.http.put("/modalities/nobody", json=["NOBODY", "127.0.0.1", 1]).raise_for_status()
    asked = {"Resources": [study], "Synchronous": False}
    job = store.http.post("/modalities/nobody/store", json=asked).json()["ID"]
    eventually("it has failed", lambda: store.get(f"/jobs/{job}")["State"] == "Failure", 120)
    page = explorer(f"studies/{study}?tab=history")
    panel = page.get_by_role("tabpanel")
    expect(panel.get_by_text("The study came")).to_be_visible()
    expect(panel.get_by_text("Nothing more came for a while: the study")).to_be_visible()
    failed = panel.get_by_role("row").filter(has_text="Job: Send")
    expect(failed).to_contain_text("failed")
    assert faults_of(page) == []
    panel.get_by_role("button", name="Changes").focus()
    page.keyboard.press("Space")
    expect(panel.get_by_text("The study came")).to_have_count(0)
    expect(failed).to_be_visible()
    store.http.delete("/modalities/nobody").raise_for_status()
