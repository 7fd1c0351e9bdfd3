# SPDX-License-Identifier: Apache-2.0
"""What has not arrived where it was sent: told with its cause, and tried again."""

import re
import time

from playwright.sync_api import Route, expect

from browsing import Open, faults_of, until, visit
from destinations import Destination, send_to, study_of
from outside import Store, eventually, free_ports


def test_what_was_not_delivered(explorer: Open, store: Store, destination: Destination) -> None:
    """What a rule sent and its destination refused is listed with the cause, tried again, and is in
    the log of what was sent, which is searched by patient and destination."""
    destination.status = 0xA900
    destination.open()
    rule = {
        "On": "NewInstance",
        "When": [{"Tag": "PatientID", "Is": ["LETTER"]}],
        "To": [f"modality:{destination.name}"],
    }
    answer = store.http.put("/routing/rules/letters", json=rule)
    assert answer.status_code == 200, answer.text
    study = study_of(store, "LETTER", 1)
    letters = "/jobs/dead-letters"
    eventually("it is given up", lambda: store.get(letters), seconds=120)
    page = explorer("operate/routing/dead")
    card = page.get_by_role("list", name="By destination").get_by_role("listitem").first
    expect(card).to_contain_text("1 job since")
    expect(card).to_contain_text("A900")
    expect(page.locator('[aria-rowindex="2"]')).to_contain_text("Not delivered")
    expect(page.get_by_role("button", name="1 not delivered")).to_be_visible()
    assert faults_of(page) == []

    def with_waiting(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        for one in told:
            one["Waiting"] += 1200
        route.fulfill(response=answer, json=told)

    page.route("**/routing/destinations", with_waiting)
    visit(page, "/explorer/operate/routing")
    queue = page.get_by_role("region", name="Not there yet").first.get_by_role("row").nth(1)
    expect(queue.get_by_role("rowheader")).to_contain_text("destination")
    left = queue.get_by_role("cell").first
    expect(left).to_have_text("1,200 changes wait1 job was not delivered")
    expect(queue).to_contain_text("A900")
    assert faults_of(page) == []
    queue.get_by_role("link", name="Show them").click()
    expect(page).to_have_url(re.compile("routing/dead.destination=modality"))
    page.unroute_all(behavior="wait")
    visit(page, "/explorer/operate/routing/dead")  # of all destinations
    destination.status = 0x0000
    card.get_by_role("button", name="Try it again").click()
    expect(page.get_by_text("Nothing that a rule sent has failed.")).to_be_visible()
    eventually("it arrives", lambda: destination.received)
    assert store.http.delete("/routing/rules/letters").status_code == 200

    destination.status = 0xA900
    send_to(store, destination.name, study)
    expect(page.get_by_text("has failed, such as what is sent by hand.")).to_be_visible()
    page.get_by_role("link", name="Show failed jobs").click()
    expect(page).to_have_url(re.compile("jobs.state=Failure"))
    expect(page.locator('[aria-rowindex="2"]')).to_contain_text("A900")
    page.get_by_role("link", name="Sent", exact=True).click()
    page.get_by_role("searchbox", name="Patient name or ID").fill("jane jobs")
    line = page.get_by_role("row").filter(has_text="LETTER")
    expect(line).to_contain_text("destination")
    expect(line).to_contain_text("Jobs, Jane")
    page.get_by_role("searchbox", name="Destination").fill("nowhere")
    expect(page.get_by_text("Nothing that was sent matches.")).to_be_visible()
    expect(page).to_have_url(re.compile("destination=nowhere"))
    page.get_by_role("searchbox", name="Destination").fill("DEST")
    expect(line).to_be_visible()
    line.get_by_role("link").click()
    expect(page).to_have_url(re.compile(study))


def test_what_waits_is_tried_at_once(
    explorer: Open, store: Store, destination: Destination
) -> None:
    """The page of rules says when a destination that is down is tried again; whoever knows that it
    is back does not wait for that."""
    destination.open()
    modality = f"/modalities/{destination.name}"
    there = store.get(f"{modality}/configuration")
    away = there | {"Port": free_ports(1)[0]}
    store.http.put(modality, json=away).raise_for_status()
    rule = {
        "On": "NewInstance",
        "When": [{"Tag": "PatientID", "Is": ["BACK"]}],
        "To": [f"modality:{destination.name}"],
    }
    store.http.put("/routing/rules/back", json=rule).raise_for_status()
    study_of(store, "BACK", 1)

    def waits_a_while() -> bool:
        rows = store.http.post("/explorer/api/jobs", json={}).json()["rows"]
        return any((row["retryAt"] or 0) > time.time() + 6 for row in rows)

    page = explorer("operate/routing")
    queue = page.get_by_role("region", name="Not there yet").first.get_by_role("row").nth(1)
    expect(queue).to_contain_text("1 job is under way or tried again" + "the next try is at ")
    until(page, waits_a_while)
    assert destination.received == []
    store.http.put(modality, json=there).raise_for_status()
    queue.get_by_role("button", name="Try now what waits for destination").click()
    expect(page.get_by_role("region", name="Notices")).to_contain_text("1 job is tried again")
    eventually("it arrives", lambda: destination.received)
    expect(page.get_by_role("region", name="Not there yet")).to_have_count(0)
    store.http.delete("/routing/rules/back").raise_for_status()


def test_one_destination_is_tried_while_another_is(explorer: Open) -> None:
    """What is done for one holds up no other, and a second press does nothing more."""
    page = explorer("upload")
    left = {"Known": True, "Waiting": 0, "GoingOn": 1, "DeadLetters": 0, "Reason": "it is away"}
    left |= {"NextTry": "20261201T120000"}
    queues = [left | {"Destination": f"modality:{name}"} for name in ("NEAR", "FAR")]
    page.route("**/routing/destinations", lambda route: route.fulfill(json=queues))

    def identify(route: Route) -> None:
        route.fulfill(json=["job of " + route.request.post_data_json["destination"]])

    page.route("**/explorer/api/jobs/identifiers", identify)
    acted: list[Route] = []
    page.route("**/explorer/api/jobs/act", lambda route: acted.append(route))
    visit(page, "/explorer/operate/routing")
    for name in ("NEAR", "NEAR", "FAR"):
        page.get_by_role("button", name=f"Try now what waits for {name}").click()
    until(page, lambda: len(acted) >= 2)
    asked = [one.request.post_data_json for one in acted]
    for one in acted:
        one.fulfill(json={"done": 1, "refused": {}})
    expect(page.get_by_role("region", name="Notices")).to_contain_text("1 job is tried again")
    page.unroute_all(behavior="wait")
    assert [one["ids"] for one in asked] == [["job of modality:NEAR"], ["job of modality:FAR"]]
