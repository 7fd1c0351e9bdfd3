# SPDX-License-Identifier: Apache-2.0
"""Jobs in a browser: followed while they run, paused, cancelled, and tried again."""

import re

from playwright.sync_api import Page, Route, expect

from browsing import HAS_SHOWN, Open, faults_in_each_language, faults_of, reload, until, visit
from destinations import Destination, send_to, study_of
from outside import Store, eventually


def choose_first(page: Page) -> None:
    """Select the first row once what was done to it before has let go of it."""
    expect(page.locator('[aria-selected="true"]')).to_have_count(0)
    page.locator('[aria-rowindex="2"] input').click()
    expect(page.get_by_text("1 selected")).to_be_visible()


def test_a_job_is_followed(explorer: Open, store: Store, destination: Destination) -> None:
    """Sent from the list, it is in the bar with how far it is, in the small list, and on its page,
    where it is paused, goes on and is cancelled; nothing of it needs a reload."""
    study_of(store, "FOLLOWED", 6)
    page = explorer("?q=FOLLOWED")
    expect(page.locator('[aria-rowindex="2"] a')).to_be_visible()
    page.locator('[aria-rowindex="2"] input').click()
    page.keyboard.press("e")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(destination.name).check()
    dialog.get_by_role("button", name="Send").click()
    expect(page.get_by_role("button", name="Jobs: 1 · 0%")).to_be_visible()
    destination.allow(1)
    pill = page.get_by_role("button", name="Jobs: 1 · 16%")
    pill.click()
    latest = page.get_by_role("dialog", name="Latest jobs")
    expect(latest.get_by_role("listitem").first).to_contain_text("1 / 6")
    latest.get_by_role("link", name="All jobs").click()
    row = page.locator('[aria-rowindex="2"]')
    expect(row).to_contain_text("Send ⟶ destination")
    expect(row).to_contain_text("Running")
    expect(row).to_contain_text("1 / 6")

    choose_first(page)
    page.keyboard.press("p")
    expect(page.get_by_text("1 job paused").last).to_be_visible()
    destination.allow(1)
    expect(row).to_contain_text("Paused")
    expect(row).to_contain_text("2 / 6")
    choose_first(page)
    page.get_by_role("button", name="Resume").click()
    expect(row).to_contain_text("Running")
    destination.allow(1)
    expect(row).to_contain_text("3 / 6")
    choose_first(page)
    page.keyboard.press("c")
    asked = page.get_by_role("dialog", name="Cancel 1 job?")
    expect(asked).to_be_visible()
    asked.get_by_role("button", name="Cancel").last.click()
    # Of the rest one image at most is on its way: the job cannot have ended well meanwhile.
    expect(page.get_by_text("1 job cancelled").last).to_be_visible()
    destination.allow(1)
    expect(row).to_contain_text("Failed")
    expect(row).to_contain_text("This job was canceled")
    page.keyboard.press("Escape")
    # Other tests' jobs may have failed, too.
    failed = page.get_by_role("button", name=re.compile("^Failed [1-9]"))
    failed.click()
    expect(page).to_have_url(re.compile("state=Failure"))
    expect(row).to_contain_text("This job was canceled")
    page.get_by_role("button", name="Running 0").click()
    failed.click()
    expect(page.get_by_text("No job matches.")).to_be_visible()


def test_a_failure_is_looked_at_and_tried_again(
    explorer: Open, store: Store, destination: Destination
) -> None:
    """By keyboard alone: its cause and what it is about are in its details, which have an address;
    once its destination takes it, it ends well."""
    study = study_of(store, "AGAIN2", 1)
    destination.status = 0xA700
    destination.open()
    job = send_to(store, destination.name, study)
    eventually("it fails", lambda: store.get(f"/jobs/{job}")["State"] == "Failure")
    page = explorer()
    expect(page.locator('[aria-rowindex="2"] a')).to_be_visible()
    page.keyboard.type("gj")
    row = page.locator('[aria-rowindex="2"]')
    expect(row).to_contain_text("Failed")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    details = page.get_by_role("dialog", name="Send ⟶ destination")
    expect(details).to_contain_text("A700")
    expect(details.get_by_role("link", name="Jobs, Jane")).to_have_attribute(
        "href", f"/explorer/studies/{study}"
    )
    assert faults_of(page) == []
    assert job in page.url
    reload(page)
    expect(details).to_contain_text("A700")
    # Here, too, what cannot be taken back is asked about first.
    details.get_by_role("button", name="Remove from the list").click()
    asked = page.get_by_role("dialog", name="Remove 1 job from the list?")
    asked.get_by_role("button", name="Cancel").click()
    expect(asked).to_be_hidden()
    assert store.get(f"/jobs/{job}")["State"] == "Failure"
    expect(details).to_contain_text("A700")
    page.keyboard.press("Escape")
    expect(details).to_be_hidden()
    destination.status = 0x0000
    expect(row).to_contain_text("Failed")
    page.get_by_role("grid").focus()
    page.keyboard.press("x")
    page.keyboard.press("r")
    expect(page.get_by_text("1 job is tried again").last).to_be_visible()
    expect(row).to_contain_text("Done")
    assert len(destination.received) == 1
    visit(page, "/explorer/jobs?job=00000000-0000-0000-0000-000000000000")
    expect(page.get_by_role("dialog")).to_contain_text("not on the list any more")


def test_rows_stay_where_they_are(explorer: Open, store: Store, destination: Destination) -> None:
    """While one is chosen, or states are filtered, what is new is told above the list."""
    study = study_of(store, "STAY", 1)
    first = send_to(store, destination.name, study)
    eventually("it runs", lambda: store.get(f"/jobs/{first}")["State"] == "Running")
    page = explorer("jobs")
    row = page.locator('[aria-rowindex="2"]')
    expect(row).to_contain_text("Running")
    expect(page.locator('[data-live="open"]')).to_be_visible()
    choose_first(page)
    send_to(store, destination.name, study)
    changed = page.get_by_role("button", name="The list has changed: show")
    expect(changed).to_be_visible()
    expect(row).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(page.get_by_text("2 jobs", exact=True)).to_be_visible()
    expect(changed).to_be_hidden()
    held: list[Route] = []
    let_go = False

    def hold(route: Route) -> None:
        if "Running" in (route.request.post_data or "") and not let_go:
            held.append(route)
        else:
            route.continue_()

    page.route("**/explorer/api/jobs", hold)
    page.get_by_role("button", name="Running 2").click()
    until(page, lambda: held)
    grid = page.get_by_role("grid")
    expect(grid).to_have_attribute("aria-busy", "true")
    page.evaluate(HAS_SHOWN)
    assert len(held) == 1  # its rows are asked for once
    grid.focus()
    page.keyboard.press("Control+a")  # chooses nothing of the list of before
    let_go = True
    for route in held:
        route.continue_()
    expect(grid).to_have_attribute("aria-busy", "false")
    expect(page.get_by_text("2 jobs", exact=True)).to_be_visible()
    destination.open()
    expect(row).to_contain_text("Done")
    changed.click()
    expect(page.get_by_text("No job matches.")).to_be_visible()


def test_accessible(explorer: Open, store: Store, destination: Destination) -> None:
    """The three pages and the details, as axe sees them; none scrolls sideways when narrow."""
    destination.status = 0xA700
    destination.open()
    job = send_to(store, destination.name, study_of(store, "AXE", 1))
    eventually("it fails", lambda: store.get(f"/jobs/{job}")["State"] == "Failure")
    page = explorer("jobs")
    expect(page.locator('[aria-rowindex="2"] a')).to_be_visible()
    page.locator("[data-live]").click()
    expect(page.get_by_role("dialog").get_by_role("listitem").first).to_be_visible()
    assert faults_in_each_language(page) == []
    page.keyboard.press("Escape")
    page.locator('[aria-rowindex="2"] input').click()
    expect(page.locator('[aria-selected="true"]')).to_have_count(1)
    assert faults_in_each_language(page) == []
    page.keyboard.press("Delete")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert faults_in_each_language(page) == []
    visit(page, f"/explorer/jobs?job={job}")
    expect(page.get_by_role("dialog").get_by_role("link")).to_be_visible()
    assert faults_in_each_language(page) == []
    page.set_viewport_size({"width": 768, "height": 900})
    for path in ("operate/routing/dead", "operate/sent", "jobs"):
        visit(page, f"/explorer/{path}")
        expect(page.get_by_role("navigation").last).to_be_visible()
        expect(page.locator('[data-live="open"]')).to_be_visible()
        assert faults_in_each_language(page) == []


def test_no_text_without_translation(
    explorer: Open, store: Store, destination: Destination
) -> None:
    """In the language of tests every text of the page is foreign, so none stands in the code."""
    send_to(store, destination.name, study_of(store, "FOREIGN", 1))
    page = explorer("jobs", preferences={"language": "xx"})
    expect(page.locator('[aria-rowindex="2"] a')).to_be_visible()
    texts = page.evaluate(
        """() => [...document.querySelectorAll('nav a, button, [role=columnheader], [data-state]')]
          .filter((one) => !one.querySelector('bdi + span')) // what other systems are called
          .map((one) => one.innerText.trim())
          .filter((text) => !/^\\[/.test(text) && /[a-z]{2}/i.test(text))"""
    )
    assert texts == []
