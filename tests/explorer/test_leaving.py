# SPDX-License-Identifier: Apache-2.0
"""Signing out in a browser: what the page knew of patients is gone then."""

import json

from playwright.sync_api import Page, Route, expect

from browsing import Open, visit
from outside import Store

KEPT = {
    "key": "1.2.3 P7",
    "studyUid": "1.2.3",
    "remote": "pacs",
    "job": "0192f0c1-7a3b-7c11-9f6e-2d5c8a4b9e10",
    "state": "running",
    "progress": 10,
    "why": "",
}
MINUTE = 60_000


class Session:
    """Somebody who is signed in; how signing out is answered."""

    def __init__(self, page: Page, told: dict[str, object], logout: int = 200) -> None:
        self.user: str | None = "maja"
        self._told = told
        self._logout = logout
        page.route("**/explorer/api/session", self._session)
        page.route("**/explorer/api/logout", self._out)

    def _session(self, route: Route) -> None:
        by = "session" if self.user else "none"
        route.fulfill(json=self._told | {"user": self.user, "signedInBy": by})

    def _out(self, route: Route) -> None:
        if self._logout == 0:
            route.abort()
            return
        self.user = None
        route.fulfill(status=self._logout, json={})


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("menuitem", name="Sign out").click()


def opened(explorer: Open, store: Store, logout: int = 200) -> Page:
    """The page of somebody who has retrieved a study, and has searched for a patient."""
    page = explorer("upload")
    Session(page, store.get("/explorer/api/session"), logout)
    page.evaluate(
        "kept => sessionStorage.setItem('pons-explorer-retrievals', kept)", json.dumps([KEPT])
    )
    visit(page, "/explorer/?q=Dubois")
    expect(page.locator('[aria-rowindex="2"] a')).to_be_visible()
    assert "1.2.3" in page.evaluate("JSON.stringify(sessionStorage)")
    return page


def test_nothing_of_patients_stays(explorer: Open, store: Store) -> None:
    """Neither in what the browser keeps, nor behind the way back, nor in another window."""
    page = opened(explorer, store)
    other = page.context.new_page()
    there = Session(other, store.get("/explorer/api/session"))
    visit(other, "/explorer/?q=Dubois")
    expect(other.locator('[aria-rowindex="2"] a')).to_be_visible()
    there.user = None  # which nothing makes that window ask
    sign_out(page)
    for window in (page, other):
        expect(window.get_by_role("button", name="Sign in")).to_be_visible()
        kept = window.evaluate("JSON.stringify(sessionStorage) + JSON.stringify(localStorage)")
        assert "1.2.3" not in kept
        assert "Dubois" not in kept + window.url
        assert "Dubois" not in window.content()
    page.go_back()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.locator('[aria-rowindex="2"]')).to_have_count(0)


def test_a_store_that_could_not_tell_all_of_itself(explorer: Open, store: Store) -> None:
    """The cookie is taken back, and whoever signs out is told of the rest."""
    page = opened(explorer, store, 503)
    sign_out(page)
    expect(page.get_by_role("alert")).to_contain_text("You are signed out here")
    assert "1.2.3" not in page.evaluate("JSON.stringify(sessionStorage)")


def test_a_store_that_does_not_answer(explorer: Open, store: Store) -> None:
    """Nobody is signed out by it, and is told so."""
    page = opened(explorer, store, 0)
    sign_out(page)
    expect(page.get_by_text("The store does not answer").first).to_be_visible()
    expect(page.locator('[aria-rowindex="2"] a')).to_be_visible()


def test_a_session_that_is_about_to_end(explorer: Open, store: Store) -> None:
    """Who reads for long is warned before, and stays signed in by one press."""
    page = explorer("upload", clock=True)
    told = store.get("/explorer/api/session")
    Session(page, told | {"minutes": 30, "endsAt": "2099-01-01T00:00:00Z"})
    visit(page, "/explorer/upload")
    expect(page.get_by_role("heading", name="Upload")).to_be_visible()
    notices = page.get_by_role("region", name="Notices")
    page.clock.run_for(24 * MINUTE)
    expect(notices.get_by_text("You will be signed out at")).to_have_count(0)
    page.clock.run_for(2 * MINUTE)
    expect(notices).to_contain_text("You will be signed out at")
    with page.expect_response("**/explorer/api/session"):
        notices.get_by_role("button", name="Stay signed in").click()
    page.clock.run_for(20 * MINUTE)
    expect(notices.get_by_text("You will be signed out at")).to_have_count(0)
    page.clock.run_for(6 * MINUTE)
    expect(notices).to_contain_text("You will be signed out at")


def test_pictures_are_use_of_a_session(explorer: Open, store: Store) -> None:
    """Who scrolls through pictures that the browser loads by itself is not told to do something."""
    study = next(iter(store.get("/studies")))
    page = explorer("upload", clock=True)
    told = store.get("/explorer/api/session")
    Session(page, told | {"minutes": 30, "endsAt": "2099-01-01T00:00:00Z"})
    visit(page, "/explorer/upload")
    expect(page.get_by_role("heading", name="Upload")).to_be_visible()
    page.clock.run_for(20 * MINUTE)
    before = page.evaluate("localStorage.getItem('pons-explorer-answered')")
    page.evaluate(
        """async (address) => {
          const picture = Object.assign(new Image(), { src: address });
          await picture.decode();
        }""",
        f"/studies/{study}/thumbnail?size=72",
    )
    page.wait_for_function(
        "before => localStorage.getItem('pons-explorer-answered') !== before", arg=before
    )
    notices = page.get_by_role("region", name="Notices").get_by_text("You will be signed out at")
    page.clock.run_for(24 * MINUTE)
    expect(notices).to_have_count(0)
    page.clock.run_for(2 * MINUTE)
    expect(notices.last).to_be_visible()


def test_a_session_that_ends_whatever_is_done(explorer: Open, store: Store) -> None:
    """Signing in again leads back to where one was."""
    page = explorer("upload", clock=True)
    ends = page.evaluate("new Date(Date.now() + 10 * 60000).toISOString()")
    session = Session(page, store.get("/explorer/api/session") | {"minutes": 30, "endsAt": ends})
    visit(page, "/explorer/upload")
    expect(page.get_by_role("heading", name="Upload")).to_be_visible()
    page.clock.run_for(9 * MINUTE)
    notices = page.get_by_role("region", name="Notices")
    expect(notices).to_contain_text("Your session ends at")
    notices.get_by_role("button", name="Sign in again").click()
    page.wait_for_url("**/explorer/login?next=*upload*")
    assert session.user is None
    expect(page.get_by_text("What was not saved has to be typed again.")).to_be_visible()
    visit(page, "/explorer/upload")  # as somebody who has just come, with nothing to lose
    page.wait_for_url("**/explorer/login?next=*upload")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.get_by_text("What was not saved")).to_have_count(0)
