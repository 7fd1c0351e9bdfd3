# SPDX-License-Identifier: Apache-2.0
"""How far running jobs are: kept beside their documents, and read when somebody asks."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable

import msgspec

from pons.bus import check_cancelled
from pons.bus.bucket import Bucket
from pons.errors import Unavailable
from pons.jobs.document import JobDocument, Step
from pons.jobs.transitions import with_step

LOOK_EVERY = 0.25
"""Seconds between two looks at how far a job is, for those who follow it."""
AT_ONCE = 16


def key_of(job_id: str) -> str:
    return f"{job_id}.step"


async def last_step(bucket: Bucket, job_id: str) -> tuple[Step | None, int]:
    """The step that was kept last, and its revision; whichever run it was that kept it."""
    entry = await bucket.get(key_of(job_id))
    if entry is None or entry.value is None:
        return None, 0
    return msgspec.msgpack.decode(entry.value, type=Step), entry.revision


def as_far_as(document: JobDocument, step: Step | None) -> JobDocument:
    """The document of a running job with what its owner has kept since it was written."""
    if step and step.claim == document.claim and step.changed >= document.changed:
        return with_step(document, step)
    return document


async def reached(bucket: Bucket, document: JobDocument) -> JobDocument:
    """The document as far as the job is now. Raises `Unavailable`."""
    if document.state != "Running":
        return document
    return as_far_as(document, (await last_step(bucket, document.id))[0])


async def all_reached(bucket: Bucket, documents: Iterable[JobDocument]) -> list[JobDocument]:
    """As `reached`, of many at once, in their order."""
    all_of_them = list(documents)
    now: dict[str, JobDocument] = {}
    missed: list[Unavailable] = []

    def note(was: JobDocument, further: JobDocument) -> None:
        now[was.id] = further

    await look_at_each(bucket, all_of_them, note, missed.append)
    if missed:
        raise missed[0]
    return [now.get(document.id, document) for document in all_of_them]


async def look_at_each(
    bucket: Bucket,
    documents: Iterable[JobDocument],
    note: Callable[[JobDocument, JobDocument], None],
    miss: Callable[[Unavailable], None],
) -> None:
    """Give `note` each document of a running job, and the same as far as the job is, as soon as
    that is read; and `miss` why it cannot be."""
    room = asyncio.Semaphore(AT_ONCE)

    async def look_at(document: JobDocument) -> None:
        async with room:
            try:
                further = await reached(bucket, document)
            except Unavailable as error:
                miss(error)
            else:
                note(document, further)

    async with asyncio.TaskGroup() as group:
        for document in documents:
            if document.state == "Running":
                group.create_task(look_at(document))


async def followed(
    bucket: Bucket, documents: AsyncGenerator[JobDocument, None]
) -> AsyncGenerator[JobDocument, None]:
    """A job's documents as they come, and between them how far it is while it runs.

    While NATS is away it is as far as it was.
    """
    latest: JobDocument | None = None
    told: JobDocument | None = None
    turn = asyncio.ensure_future(anext(documents, None))
    try:
        while True:
            running = latest is not None and latest.state == "Running"
            await asyncio.wait((turn,), timeout=LOOK_EVERY if running else None)
            if turn.done():
                latest = turn.result()
                if latest is None:
                    return
                turn = asyncio.ensure_future(anext(documents, None))
            if latest is None:
                continue
            try:
                further = await reached(bucket, latest)
            except Unavailable:
                continue
            finally:
                check_cancelled()
            if further != told:
                told = further
                yield further
    finally:
        turn.cancel()
        await asyncio.wait((turn,))
