# SPDX-License-Identifier: Apache-2.0
"""The page of a patient: all studies of exactly this one, and what is done with all of them."""

import re

from playwright.sync_api import expect

from browsing import Open, faults_in_each_language, visit
from outside import Store, eventually
from patients import scan, send


def test_from_a_study_to_the_others(explorer: Open, store: Store) -> None:
    """The identifier leads to all studies of the patient, newest first, and to no one else's."""
    older = send(store, scan(9301, "Chain^Ida", "CHAIN", "20250102", "Planning"))
    newer = send(store, scan(9302, "Chain^Ida", "CHAIN", "20250203", "Control"))
    send(store, scan(9303, "Other^Ole", "CHAIN2", "20250304", "Somebody else"))
    page = explorer(f"studies/{older}")
    page.get_by_role("link", name="CHAIN", exact=True).click()
    patient = store.get(f"/studies/{older}")["ParentPatient"]
    page.wait_for_url(f"**/explorer/patients/{patient}")
    studies = page.get_by_role("region", name="Studies").get_by_role("listitem")
    expect(studies).to_have_count(2)
    expect(studies.nth(0)).to_contain_text("Control")
    expect(studies.nth(1)).to_contain_text("Planning")
    expect(page.get_by_text("2 studies, 2 series, 2 instances")).to_be_visible()
    studies.nth(0).get_by_role("link").click()
    page.wait_for_url(f"**/explorer/studies/{newer}")
    side = page.get_by_role("navigation", name="Pages", exact=True)
    page.go_back()
    expect(studies).to_have_count(2)
    expect(side.locator("[aria-current]")).to_have_text("Patients")


def test_all_of_a_patient_are_deleted(explorer: Open, store: Store) -> None:
    """By one key; taken back they are all there, and a second time they go."""
    studies = [
        send(store, scan(9310 + number, "Last^Lea", "LAST", f"2025010{number}"))
        for number in range(1, 4)
    ]
    patient = store.get(f"/studies/{studies[0]}")["ParentPatient"]
    page = explorer(f"patients/{patient}", clock=True)
    notices = page.get_by_role("region", name="Notices")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.wait_for_url("**/explorer/")
    expect(notices).to_contain_text("3 studies")
    notices.get_by_role("button", name="Undo").click()
    expect(notices).not_to_contain_text("Deleted")
    visit(page, f"/explorer/patients/{patient}")
    cards = page.get_by_role("region", name="Studies").get_by_role("listitem")
    expect(cards).to_have_count(3)
    page.get_by_role("button", name="Delete", exact=True).click()
    page.wait_for_url("**/explorer/")
    page.clock.fast_forward(11_000)
    eventually("all are gone", lambda: store.http.get(f"/patients/{patient}").status_code == 404)


def test_one_of_very_many_studies(explorer: Open, store: Store) -> None:
    """The page has the newest ones, says of how many, and leads to the list of all."""
    study = send(store, scan(9315, "Phantom^Daily", "PHANTOM", "20250105"))
    patient = store.get(f"/studies/{study}")["ParentPatient"]
    told = store.get(f"/patients/{patient}")
    told["Studies"] += [f"{number:08x}-0-0-0-0" for number in range(4_999)]
    page = explorer("upload")
    asked = re.compile(rf"(?<!/explorer)/patients/{patient}$")  # and not the page itself
    page.route(asked, lambda route: route.fulfill(json=told))
    visit(page, f"/explorer/patients/{patient}")
    expect(page.get_by_text("The 1 newest of 5,000 studies are shown.")).to_be_visible()
    page.get_by_role("link", name="Show them in the list").click()
    page.wait_for_url("**/explorer/?patientId=PHANTOM")
    expect(page.locator('[aria-rowindex="2"] a')).to_have_text("Phantom, Daily")


def test_one_without_an_identifier(explorer: Open, store: Store) -> None:
    """Studies without a patient ID are not said to be of one person; axe finds nothing."""
    study = send(store, scan(9320, "Nobody^Known", "", "20250105"))
    page = explorer(f"patients/{store.get(f'/studies/{study}')['ParentPatient']}")
    expect(page.get_by_text("they may be of different people")).to_be_visible()


def test_accessible(explorer: Open, store: Store) -> None:
    """Wide, narrow and with a menu open."""
    study = send(store, scan(9330, "Seen^By Axe", "AXE", "20250105", "A description " * 4))
    path = f"patients/{store.get(f'/studies/{study}')['ParentPatient']}"
    page = explorer(path)
    expect(page.get_by_role("listitem").get_by_text("A description")).to_be_visible()
    assert faults_in_each_language(page) == []
    page.set_viewport_size({"width": 768, "height": 1024})
    page.get_by_role("toolbar").get_by_role("button", name="Download").click()
    expect(page.get_by_role("menuitem")).to_have_count(2)
    assert faults_in_each_language(page) == []
