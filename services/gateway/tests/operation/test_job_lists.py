# SPDX-License-Identifier: Apache-2.0
"""Explorer's list of jobs and its stream of events, from jobs on a real nats-server."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from pons.bus import Bus
from pons.errors import RemoteFailure
from pons.jobs import JobOverview, JobRequest, Jobs
from pons.jobs.transitions import claimed, failed
from pons.messages.modality import Modality
from pons.settings import JobsSettings
from pons_gateway.models.job_lists import JobNews, JobsPage
from pons_gateway.routers.events import merged

from ..conftest import NOBODY, STUDY, Open, Store
from .test_remotes import FakeRegistry

pytestmark = pytest.mark.anyio

SENDING = JobRequest("DicomModalityStore", "egress", destination="modality:pacs", retry=True)
JOBS = "/explorer/api/jobs"


@pytest.fixture
def jobs(bus: Bus) -> Jobs:
    return Jobs(bus, JobsSettings())


@pytest.fixture
def client(open_client: Open, jobs: Jobs, store: Store) -> httpx.AsyncClient:
    overview = JobOverview(jobs, store.backends.health.stop)
    known = {"modalities": FakeRegistry({"pacs": Modality("PACS", "h", 104)})}
    return open_client(jobs=jobs, job_overview=overview, peers=FakeRegistry(), **known)


async def undelivered(jobs: Jobs) -> str:
    job_id = await jobs.submit(SENDING)
    document, revision = await jobs.read(job_id)
    document = msgspec.structs.replace(claimed(document, 1.0, "mine"), position={"done": 3})
    refusal = RemoteFailure("pacs has no room", final=True)
    await jobs.replace(failed(document, 2.0, refusal), revision)
    return job_id


async def test_pages(client: httpx.AsyncClient, jobs: Jobs) -> None:
    """Newest first, page by page, as they are documented; with how many there are in each state."""
    letter = await undelivered(jobs)
    ids = [letter, *[await jobs.submit(SENDING) for _ in range(4)]]
    first = (await client.post(JOBS, json={"limit": 3})).json()
    JobsPage.model_validate(first)
    assert [row["id"] for row in first["rows"]] == ids[:-4:-1]
    assert (first["count"], first["states"]) == (5, {"Pending": 4, "Undelivered": 1})
    rest = (await client.post(JOBS, json={"limit": 3, "after": first["next"]})).json()
    assert ([row["id"] for row in rest["rows"]], rest["next"]) == ([ids[1], ids[0]], None)
    cause = rest["rows"][1]
    assert (cause["state"], cause["error"]) == ("Undelivered", "pacs has no room")
    assert cause["actions"] == ["retry", "forget"]
    asked = {"states": ["Undelivered"], "text": "room"}
    answer = (await client.post(JOBS, json=asked)).json()
    assert [row["id"] for row in answer["rows"]] == [letter]
    found = await client.post(f"{JOBS}/identifiers", json={"states": ["Pending"]})
    assert sorted(found.json()) == sorted(ids[1:])


@pytest.mark.parametrize(
    "asked",
    [
        {"sort": "size"},
        {"after": "x"},
        {"limit": 0},
        {"limit": 501},
        {"states": ["Done"]},
        {"colour": "red"},
        {"ids": ["x"] * 501},
    ],
)
async def test_what_cannot_be_asked(client: httpx.AsyncClient, asked: dict[str, Any]) -> None:
    answer = await client.post(JOBS, json=asked)
    assert answer.status_code == 400, answer.text


async def test_acting(client: httpx.AsyncClient, jobs: Jobs) -> None:
    """What cannot be done is told beside what was; what was not delivered goes on where it was."""
    letter, waiting = await undelivered(jobs), await jobs.submit(SENDING)
    body = {"action": "retry", "ids": [letter, waiting]}
    answer = await client.post(f"{JOBS}/act", json=body)
    assert answer.json() == {"done": 1, "refused": {waiting: f"Job {waiting} is Pending"}}
    document, _ = await jobs.read(letter)
    assert (document.state, document.position) == ("Pending", {"done": 3})
    for wrong in ({"action": "delete", "ids": [letter]}, {"action": "retry", "ids": []}):
        assert (await client.post(f"{JOBS}/act", json=wrong)).status_code == 400


async def test_undelivered_by_destination(client: httpx.AsyncClient, jobs: Jobs) -> None:
    """With how many there are, since when, and why."""
    for _ in range(3):
        await undelivered(jobs)
    await jobs.submit(SENDING)
    answer = await client.get(f"{JOBS}/undelivered")
    cause = {"cause": "pacs has no room", "count": 3}
    expected = {"destination": "modality:pacs", "count": 3, "since": 2.0, "causes": [cause]}
    assert answer.json() == [expected]


async def test_events(client: httpx.AsyncClient, jobs: Jobs, store: Store) -> None:
    """Studies with the number at which a stream goes on, those that are gone, and jobs and remotes
    as they are."""
    store.catalog.gone = [NOBODY]
    job_id = await jobs.submit(SENDING)
    asked: list[int] = []

    def after_a_read() -> None:
        asked.append(store.catalog.asked[0])
        asyncio.get_running_loop().call_later(1, store.backends.health.stop.set)

    store.catalog.after_a_read = after_a_read
    answer = await client.get("/explorer/api/events?since=5", headers={"Last-Event-ID": "6"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert asked[0] == 6
    blocks = [block.splitlines() for block in answer.text.split("\n\n") if block]
    study = next(block for block in blocks if "event: study" in block)
    assert f"data: {json.dumps({'id': STUDY})}" in study
    assert "id: 7" in study
    gone = next(block for block in blocks if "event: gone" in block)
    assert sorted(gone) == [f"data: {json.dumps({'ids': [NOBODY]})}", "event: gone"]
    assert sorted(blocks[0]) == ["data: {}", "event: beat", "id: 6"]
    told = next(block for block in blocks if "event: jobs" in block)
    assert not any(line.startswith("id:") for line in told)
    news = json.loads(next(line for line in told if line.startswith("data: "))[6:])
    JobNews.model_validate(news)
    assert (news["states"], news["latest"][0]["id"]) == ({"Pending": 1}, job_id)
    told = next(block for block in blocks if "event: remotes" in block)
    news = json.loads(next(line for line in told if line.startswith("data: "))[6:])
    assert news == {"remotes": [{"kind": "modality", "name": "pacs", "contact": None}]}


async def test_events_begin_where_the_log_ends(client: httpx.AsyncClient, store: Store) -> None:
    """A page that opens is not told of what it shows anyway."""
    store.catalog.after_a_read = store.backends.health.stop.set
    answer = await client.get("/explorer/api/events")
    assert store.catalog.asked[0] == 21
    # Where it is cut before a study came, it goes on there.
    assert "id: 21" in answer.text.split("\n\n")[0].splitlines()


async def test_sources_that_are_merged_end_together() -> None:
    """What is left of them is closed when nobody listens any more."""
    closed: list[str] = []

    async def source(name: str, count: int, *, waits: bool) -> AsyncIterator[str]:
        try:
            for number in range(count):
                yield f"{name}{number}"
            if waits:
                await asyncio.Event().wait()
        finally:
            closed.append(name)

    both = [one async for one in merged(source("a", 2, waits=False), source("b", 3, waits=False))]
    assert sorted(both) == ["a0", "a1", "b0", "b1", "b2"]
    endless = merged(source("c", 1, waits=True), source("d", 1, waits=True))
    assert {await anext(endless), await anext(endless)} == {"c0", "d0"}
    await endless.aclose()
    assert sorted(closed) == ["a", "b", "c", "d"]
