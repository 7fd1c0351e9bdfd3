# SPDX-License-Identifier: Apache-2.0
"""What a study's page is told of what happened to it."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from pons.catalog import LoggedChange
from pons.catalog.study_history import SentOfStudy
from pons.jobs import Job, JobDocument, JobRequest
from pons_gateway.models.study_history import StudyEvents

from ..conftest import MOMENT, NOBODY, PATIENT, SERIES, STUDY, FakeCatalog, Open

pytestmark = pytest.mark.anyio


@dataclass
class HistoryCatalog(FakeCatalog):
    """A study that came and was sent."""

    @property
    def study_history(self) -> "HistoryCatalog":
        return self

    async def changes(self, study: str, limit: int) -> list[LoggedChange]:  # type: ignore[override]
        return [LoggedChange(7, "NewStudy", "Study", study, MOMENT)]

    async def sent(self, study: str, limit: int) -> list[SentOfStudy]:
        assert study == STUDY
        return [SentOfStudy("j", "pacs", "Series", 2, MOMENT + timedelta(seconds=5))]


def job(number: int, content: dict[str, object]) -> Job:
    created = MOMENT.timestamp() + number
    document = JobDocument(
        str(number), "DicomModalityStore", "egress", 0, created, created, "Running", progress=0.5
    )
    return Job(JobRequest("DicomModalityStore", "egress", content=content), document, 1)


@dataclass
class FakeJobs:
    jobs: list[Job] = field(default_factory=list)

    async def list(self) -> list[Job]:
        return self.jobs


async def test_one_list(open_client: Open) -> None:
    """Changes, exports and jobs about the study, a series of it or its patient, newest first."""
    jobs = FakeJobs(
        [
            job(1, {"ParentResources": [SERIES]}),
            job(2, {"ParentResources": [NOBODY]}),
            job(9, {"ParentResources": [PATIENT]}),
        ]
    )
    async with open_client(catalog=HistoryCatalog(), jobs=jobs) as client:
        answer = await client.get(f"/explorer/api/studies/{STUDY}/history")
    told = StudyEvents.model_validate(answer.json())
    assert [(one.kind, one.what, one.level, one.count) for one in told.events] == [
        ("job", "DicomModalityStore", "Patient", 1),
        ("sent", "pacs", "Series", 2),
        ("job", "DicomModalityStore", "Series", 1),
        ("change", "NewStudy", "Study", 1),
    ]
    assert (told.events[0].state, told.events[0].progress, told.more) == ("Running", 50, False)
    assert told.events[3].at == "2024-01-02T11:12:13.000000Z"


async def test_unknown_study(open_client: Open) -> None:
    async with open_client(catalog=HistoryCatalog(), jobs=FakeJobs()) as client:
        answer = await client.get(f"/explorer/api/studies/{NOBODY}/history")
    assert answer.status_code == 404
