# SPDX-License-Identifier: Apache-2.0
"""What people do with jobs: which of it is possible, and doing it to many at once."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Literal

from pons.errors import Conflict, NotFound
from pons.jobs.board import Jobs, read_documents
from pons.jobs.document import JobDocument
from pons.jobs.transitions import (
    NEVER_RESUBMITTED,
    Transition,
    cancelled,
    hastened,
    paused,
    resubmitted,
    resumed,
    revived,
)

JobAction = Literal["pause", "resume", "cancel", "retry", "forget"]
AT_A_TIME = 16
"""Jobs that are changed at once: each is a read and a write."""


def possible(document: JobDocument) -> Iterator[JobAction]:
    """What can be done with a job as it is."""
    if document.finished:
        if document.state == "Failure" and document.job_type not in NEVER_RESUBMITTED:
            yield "retry"
        yield "forget"
        return
    if document.state == "Retry":
        yield "retry"
    if document.state == "Paused":
        yield "resume"
    elif not document.wanted:
        yield "pause"
    if document.wanted != "cancel":
        yield "cancel"


def retried(document: JobDocument, now: float) -> JobDocument:
    """Tried again: a dead letter, and a job that waits for its next try, go on where they stopped,
    other failures begin anew."""
    if document.state == "Retry":
        return hastened(document, now)
    return (revived if document.dead_letter else resubmitted)(document, now)


TRANSITIONS: dict[JobAction, Transition] = {
    "pause": paused,
    "resume": resumed,
    "cancel": cancelled,
    "retry": retried,
}


async def act(jobs: Jobs, ids: Sequence[str], action: JobAction) -> dict[str, str]:
    """Do it to each of these jobs that can be; gives those that could not, with why.

    Raises `Unavailable`, after which it may be done to some; to repeat it does no harm.
    """
    refused: dict[str, str] = {}
    left = iter(dict.fromkeys(ids))

    async def work() -> None:
        for job_id in left:
            try:
                await _act(jobs, job_id, action)
            except (Conflict, NotFound) as error:
                refused[job_id] = str(error)

    for done in await asyncio.gather(*(work() for _ in range(AT_A_TIME)), return_exceptions=True):
        if isinstance(done, BaseException):
            raise done
    if action == "cancel":
        await jobs.forget_old(await read_documents(jobs.bus))
    return refused


async def _act(jobs: Jobs, job_id: str, action: JobAction) -> None:
    if action == "forget":
        await jobs.delete(job_id)
        return

    def checked(document: JobDocument, now: float) -> JobDocument:
        if action not in possible(document):
            state = f"{document.state}, and is to {document.wanted}" * bool(document.wanted)
            raise Conflict(f"Job {job_id} is {state or document.state}")
        return TRANSITIONS[action](document, now)

    await jobs.change(job_id, checked, forgetting=False)
