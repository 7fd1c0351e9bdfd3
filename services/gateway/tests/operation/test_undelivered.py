# SPDX-License-Identifier: Apache-2.0
"""What could not be delivered, over REST, from the list of jobs on a real nats-server."""

import httpx
import msgspec
import pytest

from pons.bus import Bus
from pons.errors import RemoteFailure
from pons.jobs import JobRequest, Jobs
from pons.jobs.transitions import claimed, failed
from pons.settings import JobsSettings
from pons_gateway.models.undelivered import Undelivered, UndeliveredJob

from ..conftest import Open

pytestmark = pytest.mark.anyio

SENDING = JobRequest("DicomModalityStore", "egress", content={"ParentResources": ["a"]}, retry=True)
REASON = "Modality 'pacs': connection refused"


@pytest.fixture
def jobs(bus: Bus) -> Jobs:
    return Jobs(bus, JobsSettings())


@pytest.fixture
def client(open_client: Open, jobs: Jobs) -> httpx.AsyncClient:
    return open_client(jobs=jobs)


async def undelivered(jobs: Jobs, destination: str, at: float) -> str:
    """A job that failed for good at a time."""
    job_id = await jobs.submit(msgspec.structs.replace(SENDING, destination=destination))
    document, revision = await jobs.read(job_id)
    document = claimed(document, at, "mine")
    await jobs.replace(failed(document, at, RemoteFailure(REASON)), revision)
    return job_id


async def test_listed_by_destination(client: httpx.AsyncClient, jobs: Jobs) -> None:
    """Each with its destination and the cause, oldest first, page by page; no other job is."""
    second = await undelivered(jobs, "modality:pacs", 1700000060)
    first = await undelivered(jobs, "modality:pacs", 1700000000)
    other = await undelivered(jobs, "webhook:log", 1700000120)
    waiting = await jobs.submit(SENDING)
    path = "/jobs/dead-letters"
    listed = (await client.get(path)).json()
    assert [letter["ID"] for letter in listed] == [first, second, other]
    assert listed[0] == {
        "ID": first,
        "Destination": "modality:pacs",
        "Type": "DicomModalityStore",
        "Reason": REASON,
        "Since": "20231114T221320",
    }
    assert set(Undelivered.model_fields) == set(listed[0])
    of_one = (await client.get(path, params={"destination": "webhook:log"})).json()
    assert [letter["ID"] for letter in of_one] == [other]
    page = (await client.get(path, params={"since": first, "limit": 1})).json()
    assert [letter["ID"] for letter in page] == [second]
    assert (await client.get(path, params={"destination": "no such"})).status_code == 400
    shown = (await client.get(f"{path}/{other}")).json()
    assert shown["Content"]["ParentResources"] == ["a"]
    assert set(UndeliveredJob.model_fields) == set(shown)
    for unknown in (waiting, "nobody"):
        assert (await client.get(f"{path}/{unknown}")).status_code == 404


async def test_tried_again_and_let_go(client: httpx.AsyncClient, jobs: Jobs) -> None:
    """One, those of one destination, or all are pending again; what is let go is forgotten."""
    one = await undelivered(jobs, "modality:pacs", 1)
    two = await undelivered(jobs, "modality:other", 2)
    three = await undelivered(jobs, "webhook:log", 3)
    path = "/jobs/dead-letters"
    assert (await client.post(f"{path}/{one}/retry")).json() == {"Jobs": [one]}
    assert (await client.post(f"{path}/{one}/retry")).status_code == 404
    assert (await jobs.get(one)).document.state == "Pending"
    answer = await client.post(f"{path}/retry", params={"destination": "modality:other"})
    assert answer.json() == {"Jobs": [two]}
    deleted = await client.delete(f"{path}/{three}")
    assert (deleted.status_code, deleted.content) == (200, b"")
    assert (await client.delete(f"{path}/{one}")).status_code == 404
    assert (await client.post(f"{path}/retry")).json() == {"Jobs": []}
    assert set(await jobs.ids()) == {one, two}
