# SPDX-License-Identifier: Apache-2.0
"""Retrieving what answers tell of: which job is asked for, of which identifiers."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
import pytest

from pons.jobs import Job, JobDocument, JobRequest, RetrieveRequest
from pons.messages.modality import Modality
from pons.settings import EgressSettings

from ..conftest import Open, Store
from .test_queries import ID, QUERY, FakeQueries
from .test_remotes import FakeRegistry

pytestmark = pytest.mark.anyio

PACS = Modality("PACS", "192.0.2.1", 104)
STUDY = {"00080052": "STUDY", "0020000D": "1.2.1"}


@dataclass
class FakeJobs:
    submitted: list[tuple[JobRequest, int]] = field(default_factory=list)

    async def submit(self, request: JobRequest, priority: int = 0) -> str:
        self.submitted.append((request, priority))
        return "the-job"

    async def wait_for(self, job_id: str, _seconds: float) -> Job:
        request = self.submitted[-1][0]
        document = JobDocument(job_id, request.job_type, request.worker, 0, 0.0, 0.0, "Success")
        return Job(request, document, 1)

    def retries(self, *, synchronous: bool) -> bool:
        return not synchronous

    @property
    def asked(self) -> RetrieveRequest:
        return msgspec.convert(self.submitted[-1][0].arguments, RetrieveRequest)

    @property
    def content(self) -> dict[str, Any]:
        return self.submitted[-1][0].content


@pytest.fixture
def jobs() -> FakeJobs:
    return FakeJobs()


@pytest.fixture
def modalities() -> FakeRegistry:
    return FakeRegistry({"pacs": PACS})


@pytest.fixture
def queries() -> FakeQueries:
    return FakeQueries({ID: QUERY})


@pytest.fixture
async def client(
    open_client: Open, queries: FakeQueries, modalities: FakeRegistry, jobs: FakeJobs
) -> AsyncIterator[httpx.AsyncClient]:
    async with open_client(modalities=modalities, queries=queries, jobs=jobs) as client:
        yield client


@pytest.mark.parametrize("body", [b"OTHER", b'"OTHER"', b'{"TargetAet": "OTHER"}'])
@pytest.mark.parametrize("kind", ["text/plain", "application/json"])
async def test_the_target(
    client: httpx.AsyncClient, jobs: FakeJobs, body: bytes, kind: str
) -> None:
    """It is the whole body, whatever that calls itself, or named in it."""
    path = f"/queries/{ID}/answers/1/retrieve"
    answer = await client.post(path, content=body, headers={"content-type": kind})
    assert answer.status_code == 200, answer.text
    asked = jobs.asked
    assert (asked.modality, asked.method, asked.target_aet) == ("pacs", "C-MOVE", "OTHER")
    assert asked.identifiers == [STUDY]
    assert (asked.local_aet, asked.timeout, asked.synchronous) == ("MINE", 3, True)
    assert answer.json() == jobs.content
    assert jobs.content["Query"] == [
        {"0008,0052": "STUDY", "0010,0020": "P1", "0020,000d": "1.2.1", "0020,000e": ""}
    ]
    titles = {name: jobs.content[name] for name in ("LocalAet", "RemoteAet", "TargetAet")}
    assert titles == {"LocalAet": "MINE", "RemoteAet": "PACS", "TargetAet": "OTHER"}


async def test_a_target_of_digits(client: httpx.AsyncClient, jobs: FakeJobs) -> None:
    """A title may be a number."""
    assert (await client.post(f"/queries/{ID}/retrieve", content=b"4711")).status_code == 200
    assert jobs.asked.target_aet == "4711"


async def test_to_this_store(client: httpx.AsyncClient, jobs: FakeJobs) -> None:
    """Without a target everything comes here: all answers of the query, in their order."""
    for body in (b"", b"{}"):
        assert (await client.post(f"/queries/{ID}/retrieve", content=body)).status_code == 200
        assert jobs.asked.target_aet == "MINE"
        assert [one["0020000D"] for one in jobs.asked.identifiers] == ["1.2.0", "1.2.1", "1.2.2"]


async def test_options_of_the_job(client: httpx.AsyncClient, jobs: FakeJobs) -> None:
    """What a job takes, this one does, too; it shows its query as asked."""
    body = {
        "Asynchronous": True,
        "Priority": 5,
        "Permissive": True,
        "UserData": {"a": 1},
        "Timeout": 9,
        "Simplify": True,
    }
    answer = await client.post(f"/queries/{ID}/answers/0/retrieve", json=body)
    assert answer.json() == {"ID": "the-job", "Path": "/jobs/the-job"}
    request, priority = jobs.submitted[-1]
    asked = jobs.asked
    assert (priority, asked.permissive, request.user_data) == (5, True, {"a": 1})
    assert (asked.timeout, asked.synchronous) == (9, False)
    assert jobs.content["Query"][0]["StudyInstanceUID"] == "1.2.0"
    await client.post(f"/queries/{ID}/answers/0/retrieve", json={"Full": True})
    assert jobs.content["Query"][0]["0020,000d"]["Name"] == "StudyInstanceUID"


@pytest.mark.parametrize(
    ("asked", "configured", "setting", "method"),
    [
        ("SystemDefault", "SystemDefault", "C-MOVE", "C-MOVE"),
        ("SystemDefault", "SystemDefault", "C-GET", "C-GET"),
        ("SystemDefault", "C-GET", "C-MOVE", "C-GET"),
        ("C-MOVE", "C-GET", "C-GET", "C-MOVE"),
    ],
)
async def test_the_method(
    open_client: Open,
    store: Store,
    queries: FakeQueries,
    jobs: FakeJobs,
    asked: str,
    configured: Any,
    setting: Any,
    method: str,
) -> None:
    """The request wins over the modality, and that over the settings."""
    known = FakeRegistry({"pacs": msgspec.structs.replace(PACS, retrieve_method=configured)})
    egress = EgressSettings(retrieve_method=setting)
    settings = store.backends.settings.model_copy(update={"egress": egress})
    opened = open_client(modalities=known, queries=queries, jobs=jobs, settings=settings)
    async with opened as client:
        path = f"/queries/{ID}/answers/0/retrieve"
        answer = await client.post(path, json={"RetrieveMethod": asked})
        assert answer.status_code == 200, answer.text
    assert jobs.asked.method == method
    kinds = {"C-MOVE": "DicomMoveScu", "C-GET": "DicomGetScu"}
    assert jobs.submitted[-1][0].job_type == kinds[method]


async def test_c_get_for_somebody_else(client: httpx.AsyncClient, jobs: FakeJobs) -> None:
    """What C-GET brings comes here: another target is refused, our own name is not."""
    path = f"/queries/{ID}/retrieve"
    other = await client.post(path, json={"RetrieveMethod": "C-GET", "TargetAet": "OTHER"})
    assert other.status_code == 400
    assert "C-GET brings instances to this store alone" in other.json()["Details"]
    ours = await client.post(path, json={"RetrieveMethod": "C-GET", "TargetAet": "MINE"})
    assert ours.status_code == 200


@pytest.mark.parametrize(
    ("level", "identifier"),
    [
        ("Patient", {"00080052": "PATIENT", "00100020": "P0"}),
        ("Study", {"00080052": "STUDY", "0020000D": "1.2.0"}),
    ],
)
async def test_identifiers_of_levels(
    client: httpx.AsyncClient,
    jobs: FakeJobs,
    queries: FakeQueries,
    level: Any,
    identifier: dict[str, str],
) -> None:
    """Each level is named by its own identifiers."""
    queries.known[ID] = msgspec.structs.replace(QUERY, level=level)
    assert (await client.post(f"/queries/{ID}/answers/0/retrieve")).status_code == 200
    assert jobs.asked.identifiers == [identifier]


async def test_answers_that_name_nothing(
    client: httpx.AsyncClient, jobs: FakeJobs, queries: FakeQueries
) -> None:
    """An empty identifier may mean everything to some: it is never sent."""
    queries.known[ID] = msgspec.structs.replace(QUERY, level="Series")
    answer = await client.post(f"/queries/{ID}/answers/0/retrieve")
    assert answer.status_code == 400
    assert "SeriesInstanceUID is missing" in answer.json()["Details"]
    queries.known[ID] = msgspec.structs.replace(QUERY, counts=[])
    assert (await client.post(f"/queries/{ID}/retrieve")).status_code == 400
    assert jobs.submitted == []


async def test_too_many_answers(client: httpx.AsyncClient, queries: FakeQueries) -> None:
    """More than a job can name are refused with what to do."""
    queries.known[ID] = msgspec.structs.replace(QUERY, counts=[500] * 20)
    answer = await client.post(f"/queries/{ID}/retrieve")
    assert answer.status_code == 400
    assert "more answers than one job can retrieve" in answer.json()["Details"]
