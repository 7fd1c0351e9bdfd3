# SPDX-License-Identifier: Apache-2.0
"""Links to what was deleted: the page says so, and when."""

import re

import pytest
from playwright.sync_api import Route, expect

from browsing import Open, visit
from outside import Store
from pictures import picture, send, slope

TODAY = re.compile(r"^This was deleted on \d{1,2} \w+ \d{4}, \d{2}:\d{2}\.$")


@pytest.fixture
def series(store: Store) -> str:
    """One of the two series of a study; the other one stays."""
    first = picture(slope(), PatientName="Gone^Ann", PatientID="GONE")
    uid = first.StudyInstanceUID
    send(store, picture(slope(), PatientName="Gone^Ann", PatientID="GONE", StudyInstanceUID=uid))
    return send(store, first)


def test_a_series_that_was_deleted(explorer: Open, store: Store, series: str) -> None:
    """Its link, and that of its pictures, say when; a second try would be in vain."""
    assert store.http.delete(f"/series/{series}").status_code == 200
    for path in (f"series/{series}", f"view/{series}"):
        told = explorer(path).get_by_role("alert")
        expect(told.get_by_text(TODAY)).to_be_visible()
        expect(told.get_by_role("button")).to_have_count(0)


def test_a_study_and_its_patient(explorer: Open, store: Store, series: str) -> None:
    """Who deleted them is told where that is known, also to who has the study open meanwhile."""
    study = store.get(f"/series/{series}")["ParentStudy"]
    patient = store.get(f"/studies/{study}")["ParentPatient"]

    def by_alice(route: Route) -> None:
        route.fulfill(json=route.fetch().json() | {"by": "alice"})

    page = explorer(f"studies/{study}")
    page.route("**/explorer/api/deletions/*", by_alice)
    expect(page.get_by_role("tab", name="Images")).to_be_visible()
    assert store.http.delete(f"/studies/{study}").status_code == 200
    told = page.get_by_role("alert").get_by_text(re.compile(r"^This was deleted on .* by alice\.$"))
    expect(told).to_be_visible()
    visit(page, f"/explorer/studies/{study}")
    expect(told).to_be_visible()
    expect(explorer(f"patients/{patient}").get_by_role("alert").get_by_text(TODAY)).to_be_visible()


def test_what_never_was_here(explorer: Open) -> None:
    """Nothing is known of it, and one may look again."""
    nowhere = "-".join(["0" * 8] * 5)
    told = explorer(f"studies/{nowhere}").get_by_role("alert")
    expect(told.get_by_text("This is not in the store, or not any more.")).to_be_visible()
    expect(told.get_by_role("button", name="Try again")).to_be_visible()
