# SPDX-License-Identifier: Apache-2.0
"""Retrieving over REST: what is asked of egress, and what is refused before."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from pons.errors import NotFound, RemoteFailure
from pons.jobs import Job, JobDocument, JobRequest, RetrieveRequest
from pons.jobs.transitions import failed
from pons.messages.modality import Modality

from ..conftest import Open

pytestmark = pytest.mark.anyio

STUDY = {"00080052": "STUDY", "0020000D": "1.2.3"}
SHOWN = {"0008,0052": "STUDY", "0020,000d": "1.2.3"}


class Modalities:
    async def read(self, name: str) -> Modality:
        if name != "pacs":
            raise NotFound(f"There is no modality {name!r}")
        return Modality("PACS", "192.0.2.1", 104)


class Jobs:
    def __init__(self) -> None:
        self.submitted: list[JobRequest] = []
        self.details: list[dict[str, Any]] = []
        """Of the resource that the job fails with, if it does."""

    async def submit(self, request: JobRequest, priority: int = 0) -> str:
        self.submitted.append(request)
        return "the-job"

    def retries(self, *, synchronous: bool) -> bool:
        return False

    async def wait_for(self, job_id: str, _seconds: float) -> Job:
        request = self.submitted[-1]
        document = JobDocument(job_id, request.job_type, request.worker, 0, 0.0, 0.0, "Success")
        if self.details:
            document = msgspec.structs.replace(document, content={"Details": self.details})
            document = failed(document, 1.0, RemoteFailure("answered C-GET with status 0xC000"))
        return Job(request, document, 1)

    @property
    def asked(self) -> RetrieveRequest:
        [request] = self.submitted
        return msgspec.convert(request.arguments, RetrieveRequest)


@pytest.fixture
def jobs() -> Jobs:
    return Jobs()


@pytest.fixture
async def client(open_client: Open, jobs: Jobs) -> AsyncIterator[httpx.AsyncClient]:
    async with open_client(modalities=Modalities(), jobs=jobs) as client:
        yield client


async def test_get(client: httpx.AsyncClient, jobs: Jobs) -> None:
    """The answer is the job's content, when it has ended."""
    body = {"Level": "Study", "Resources": [{"StudyInstanceUID": "1.2.3"}]}
    answer = await client.post("/modalities/pacs/get", json=body)
    assert answer.status_code == 200
    told = answer.json()
    assert (told["RemoteAet"], told["Query"], "TargetAet" in told) == ("PACS", [SHOWN], False)
    assert jobs.asked == RetrieveRequest("pacs", "C-GET", [STUDY])


async def test_move(client: httpx.AsyncClient, jobs: Jobs) -> None:
    """Levels, tags and options are as Orthanc has them; what is beside the keys is kept."""
    body: dict[str, Any] = {
        "Level": "studies",
        "Resources": [{"0020,000d": "1.2.3"}, {"StudyInstanceUID": "1.2.4", "PatientID": "P1"}],
        "TargetAet": "WS",
        "LocalAet": "ME",
        "Timeout": 7,
        "Priority": -3,
        "Permissive": True,
        "UserData": {"a": 1},
        "Asynchronous": True,
    }
    answer = await client.post("/modalities/pacs/move", json=body)
    assert answer.json() == {"ID": "the-job", "Path": "/jobs/the-job"}
    assert jobs.asked == RetrieveRequest(
        modality="pacs",
        method="C-MOVE",
        identifiers=[STUDY, {"00080052": "STUDY", "0020000D": "1.2.4", "00100020": "P1"}],
        target_aet="WS",
        synchronous=False,
        priority=-3,
        permissive=True,
        local_aet="ME",
        timeout=7.0,
        user_data={"a": 1},
    )


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"Level": "Study", "Resources": [{"PatientID": "P1"}]}, "StudyInstanceUID is missing"),
        ({"Level": "Study", "Resources": [{"StudyInstanceUID": ""}]}, "StudyInstanceUID is miss"),
        ({"Level": "Study", "Resources": [{"Nonsense": "1"}]}, "Unknown DICOM tag: Nonsense"),
        ({"Level": "Study", "Resources": []}, "Resources: name what to retrieve"),
        ({"Level": "World", "Resources": [{"PatientID": "P1"}]}, "Level: expected one of Patient"),
        ({"Resources": [{"PatientID": "P1"}]}, "Level: Field required"),
        ({"Level": "Study"}, "Resources: Field required"),
    ],
)
async def test_what_cannot_be_retrieved(
    client: httpx.AsyncClient, jobs: Jobs, body: Any, told: str
) -> None:
    """Whoever does not say what to retrieve hears why, and there is no job."""
    for action in ("get", "move"):
        answer = await client.post(f"/modalities/pacs/{action}", json=body)
        assert (answer.status_code, told in answer.json()["Details"]) == (400, True), answer.text
    assert jobs.submitted == []


async def test_a_retrieval_that_fails(client: httpx.AsyncClient, jobs: Jobs) -> None:
    """The error tells which resource it was, and the modality's status."""
    jobs.details = [{"Query": SHOWN, "DimseErrorStatus": 0xC000, "ReceivedInstancesIds": []}]
    body = {"Level": "Study", "Resources": [{"StudyInstanceUID": "1.2.3"}]}
    answer = await client.post("/modalities/pacs/get", json=body)
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (500, 9)
    assert answer.json()["ErrorPayload"] == {"Type": "RetrieveJob", "Content": jobs.details}


async def test_an_unknown_modality(client: httpx.AsyncClient, jobs: Jobs) -> None:
    """It is a 404, and no job."""
    body = {"Level": "Study", "Resources": [{"StudyInstanceUID": "1.2.3"}]}
    answer = await client.post("/modalities/nobody/get", json=body)
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (404, 7)
    assert jobs.submitted == []
