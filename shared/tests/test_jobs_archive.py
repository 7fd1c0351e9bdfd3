# SPDX-License-Identifier: Apache-2.0
"""Archives as jobs: what may be asked, and what becomes of the ZIPs that were made."""

import time
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import UUID

import msgspec
import pytest

from pons.bus import Bus
from pons.errors import Conflict, NotFound
from pons.jobs import (
    ArchiveOrder,
    ArchiveRequest,
    JobRequest,
    Jobs,
    Run,
    output_keys,
    submit_archive,
)
from pons.objects import FileObjects
from pons.settings import JobsSettings
from pons_testing.nats import NatsServer

pytestmark = pytest.mark.anyio
ORDER = ArchiveOrder(ArchiveRequest(["a"]), "a.zip", synchronous=False, priority=3)


@pytest.fixture
async def bus(broker: NatsServer) -> AsyncIterator[Bus]:
    async with broker.bus() as bus:
        yield bus


@pytest.fixture
def jobs(bus: Bus, objects: FileObjects) -> Jobs:
    return Jobs(bus, JobsSettings(), objects)


async def made(jobs: Jobs, content: bytes) -> tuple[str, UUID]:
    """A finished job with an output; its id, and the key of the output."""
    job_id = await submit_archive(jobs, ORDER)
    document, revision = await jobs.read(job_id)
    running = msgspec.structs.replace(document, state="Running", claim="me")
    run = Run(jobs, running, await jobs.replace(running, revision))
    assert jobs._objects is not None
    with jobs._objects.spool() as spool:
        spool.write(content)
        await run.deliver("archive", spool, "application/zip", "a.zip")
    assert await run.end(
        lambda document, now: msgspec.structs.replace(document, state="Success", completed=now)
    )
    return job_id, (await jobs.get(job_id)).document.outputs["archive"].object_key


async def is_there(objects: FileObjects, key: UUID) -> bool:
    with suppress(NotFound):
        await objects.size(key)
        return True
    return False


async def test_an_order_is_a_job(jobs: Jobs) -> None:
    """What is asked arrives at its worker; the content has numbers before it begins."""
    job = await jobs.get(await submit_archive(jobs, ORDER))
    assert (job.request.job_type, job.request.worker, job.document.priority) == (
        "Archive",
        "render",
        3,
    )
    assert msgspec.convert(job.request.arguments, ArchiveOrder) == ORDER
    assert job.content == {
        "ArchiveSize": "0",
        "ArchiveSizeMB": 0,
        "Description": "REST API",
        "InstancesCount": 0,
        "UncompressedSize": "0",
        "UncompressedSizeMB": 0,
        "Utf8": False,
    }


async def test_an_output_is_kept(jobs: Jobs, bus: Bus, objects: FileObjects) -> None:
    """What a job has made can be read by whoever reads its document, and is no orphan."""
    before = time.time()
    job_id, key = await made(jobs, b"zip")
    output = (await jobs.get(job_id)).document.outputs["archive"]
    assert (output.size, output.media_type, output.filename) == (3, "application/zip", "a.zip")
    assert output.made >= before
    assert await objects.read(key) == b"zip"
    assert await output_keys(bus) == {key}


async def test_an_output_is_removed(jobs: Jobs, bus: Bus, objects: FileObjects) -> None:
    """Removing an output leaves its job, and frees its bytes."""
    job_id, key = await made(jobs, b"zip")
    await jobs.drop_output(job_id, "archive")
    assert (await jobs.get(job_id)).document.outputs == {}
    assert not await is_there(objects, key)
    assert await output_keys(bus) == set()
    with pytest.raises(NotFound):
        await jobs.drop_output(job_id, "archive")


async def test_deleting_a_job_frees_its_output(jobs: Jobs, objects: FileObjects) -> None:
    """A job takes its output along."""
    job_id, key = await made(jobs, b"zip")
    await jobs.delete(job_id)
    assert not await is_there(objects, key)


async def test_history_frees_outputs(bus: Bus, objects: FileObjects) -> None:
    """A job that is forgotten for its age takes its output along."""
    jobs = Jobs(bus, JobsSettings(history=1), objects)
    _, old = await made(jobs, b"old")
    _, new = await made(jobs, b"new")
    await jobs.cancel(await submit_archive(jobs, ORDER))
    assert not await is_there(objects, old)
    assert not await is_there(objects, new)


async def test_only_the_latest_outputs_are_kept(jobs: Jobs, objects: FileObjects) -> None:
    """Older outputs go, their jobs stay."""
    keys = [await made(jobs, b"zip") for _ in range(3)]
    await jobs.drop_old_outputs(2)
    assert [await is_there(objects, key) for _, key in keys] == [False, True, True]
    assert (await jobs.get(keys[0][0])).document.state == "Success"
    await jobs.drop_old_outputs(0)
    assert [await is_there(objects, key) for _, key in keys] == [False, False, False]


async def test_without_an_object_store_the_collector_frees_them(
    jobs: Jobs, bus: Bus, objects: FileObjects
) -> None:
    """Where a process has no object store at hand, the bytes become orphans."""
    job_id, key = await made(jobs, b"zip")
    await Jobs(bus, JobsSettings()).delete(job_id)
    assert await is_there(objects, key)
    assert await output_keys(bus) == set()


async def test_archives_are_not_resubmitted(jobs: Jobs) -> None:
    """As in Orthanc; other jobs that failed are."""
    for job_type in ("Archive", "Media"):
        job_id = await jobs.submit(JobRequest(job_type, "render"))
        await jobs.cancel(job_id)
        with pytest.raises(Conflict):
            await jobs.resubmit(job_id)
