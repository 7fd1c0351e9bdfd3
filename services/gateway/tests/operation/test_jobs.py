# SPDX-License-Identifier: Apache-2.0
"""Jobs over REST, without any that run: what they have made, and what is told where nothing is."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from pons.errors import NotFound
from pons.jobs import Job, JobDocument, JobRequest, Output

from ..conftest import Open, Store

pytestmark = pytest.mark.anyio

KEY = UUID("0192f0c1-7a3b-7c11-9f6e-2d5c8a4b9e10")
MADE = Output(KEY, 5, "application/zip", "study.zip", 0.0)
ENDED = JobDocument("a", "Archive", "render", 0, 0.0, 0.0, "Success", outputs={"archive": MADE})


@dataclass
class FakeJobs:
    """One job that has ended, with an output."""

    job: Job

    async def ids(self) -> list[str]:
        return [self.job.document.id]

    async def list(self) -> list[Job]:
        return [self.job]

    async def get(self, job_id: str) -> Job:
        if job_id != self.job.document.id:
            raise NotFound(f"There is no job {job_id}")
        return self.job

    async def drop_output(self, job_id: str, key: str) -> None:
        await self.get(job_id)
        if key not in self.job.document.outputs:
            raise NotFound(f"Job {job_id} has no output {key!r}")
        document = msgspec.structs.replace(self.job.document, outputs={})
        self.job = Job(self.job.request, document, 2)


@pytest.fixture
async def client(open_client: Open) -> AsyncIterator[httpx.AsyncClient]:
    jobs = FakeJobs(Job(JobRequest("Archive", "render", user_data="mine"), ENDED, 1))
    async with open_client(jobs=jobs) as client:
        yield client


async def test_output(client: httpx.AsyncClient, store: Store) -> None:
    """What a job has made is handed over under its name, and gone once it is removed."""
    await store.backends.objects.put(KEY, bytearray(b"PKzip"))
    answer = await client.get("/jobs/a/archive")
    assert (answer.status_code, answer.content) == (200, b"PKzip")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-length"] == "5"
    assert "study.zip" in answer.headers["content-disposition"]
    removed = await client.delete("/jobs/a/archive")
    assert (removed.status_code, removed.content) == (200, b"")
    for answer in (await client.get("/jobs/a/archive"), await client.delete("/jobs/a/archive")):
        assert (answer.status_code, answer.json()["OrthancStatus"]) == (404, 7)


async def test_output_that_is_damaged(client: httpx.AsyncClient, store: Store) -> None:
    """A ZIP that was cut short is never answered as whole; one that is lost is missing."""
    assert (await client.get("/jobs/a/archive")).status_code == 404
    await store.backends.objects.put(KEY, bytearray(b"PK"))
    assert (await client.get("/jobs/a/archive")).status_code == 500


async def test_shown(client: httpx.AsyncClient, document: dict[str, Any]) -> None:
    """A job is shown with what came with its request; the list has its identifier or all of it."""
    shown = (await client.get("/jobs/a")).json()
    assert (shown["State"], shown["Type"], shown["UserData"]) == ("Success", "Archive", "mine")
    assert (await client.get("/jobs")).json() == ["a"]
    assert (await client.get("/jobs?expand")).json()[0]["ID"] == "a"
    assert (await client.get("/jobs?expand=perhaps")).status_code == 400
    described = set(document["components"]["schemas"]["Job"]["properties"])
    assert set(shown) <= described
