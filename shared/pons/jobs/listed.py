# SPDX-License-Identifier: Apache-2.0
"""Lists of jobs that people look at: what a row tells, which are wanted, and pages in an order."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import msgspec

from pons.errors import BadRequest
from pons.jobs.actions import JobAction, possible
from pons.jobs.document import JobDocument, JobState
from pons.jobs.outcomes import CANCELED, description

Shown = JobState | Literal["Undelivered"]
"""How a job is shown: a dead letter is told apart from other failures, which ask for nothing."""
SHOWN: tuple[Shown, ...] = (*get_args(JobState), "Undelivered")
COUNTS = ("InstancesCount", "TotalInstances")
FAILED = ("FailedInstancesCount", "FailedChangesCount", "FailedResourcesCount")
"""Members of a job's content that say how much there is, and what of it failed, by its type."""
COUNTED = (*COUNTS, *FAILED)
LONGEST_ERROR = 500
"""Characters of a cause that a row has; the job itself tells all of it."""
NEVER = 2.0**53
"""As the moment of what has not happened."""
LONGEST_CURSOR = 1000
MOST_CAUSES = 5


class ListedJob(msgspec.Struct, frozen=True, rename="camel"):
    """A row. Times are seconds since the epoch."""

    id: str
    type: str
    destination: str
    state: Shown
    wanted: str
    progress: float
    count: int | None
    """Instances in all; None where a job counts none, or does not know yet."""
    failed: int
    created: float
    changed: float
    completed: float | None
    runtime: float
    """Seconds of work until `changed`."""
    retry_at: float | None
    """When the next try is, of a job that waits for one."""
    error: str
    outputs: list[str]
    actions: list[JobAction]
    """What can be done with it now."""
    cancelled: bool
    """Whether somebody wanted it to fail."""

    @property
    def under_way(self) -> bool:
        return self.state in ("Pending", "Running", "Retry")


def told_by_row(document: JobDocument) -> JobDocument:
    """The same without what its row does not tell: the worker's own notes, and names of what
    failed."""
    content = {name: document.content[name] for name in COUNTED if name in document.content}
    return msgspec.structs.replace(document, content=content, position=None)


def row_of(document: JobDocument) -> ListedJob:
    """What a list tells of a job: small, whatever the job keeps for itself."""
    content = document.content
    error = document.error_details or (description(document.code) if document.code else "")
    return ListedJob(
        id=document.id,
        type=document.job_type,
        destination=document.destination,
        state="Undelivered" if document.dead_letter else document.state,
        wanted=document.wanted,
        progress=document.progress,
        count=next((content[name] for name in COUNTS if content.get(name)), None),
        failed=next((content[name] for name in FAILED if content.get(name)), 0),
        created=document.created,
        changed=document.changed,
        completed=document.completed if document.finished else None,
        runtime=document.runtime,
        retry_at=document.retry_at if document.state == "Retry" else None,
        error=error[:LONGEST_ERROR],
        outputs=sorted(document.outputs),
        actions=list(possible(document)),
        cancelled=document.state == "Failure" and document.error_code == CANCELED,
    )


ORDERS: dict[str, Callable[[ListedJob], float | str]] = {
    "created": lambda job: job.created,
    "completed": lambda job: NEVER if job.completed is None else job.completed,
    "took": lambda job: job.runtime,
    "type": lambda job: job.type,
    "destination": lambda job: job.destination,
    "state": lambda job: job.state,
}
"""What a list is sorted by; the identifier decides between equals."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which jobs; empty is any."""

    states: Collection[str] = ()
    types: Collection[str] = ()
    destination: str = ""
    text: str = ""
    """Words that are all in the destination, the type, the error or the identifier."""
    ids: Collection[str] | None = None

    def takes(self, job: ListedJob) -> bool:
        """Whether a job is one of them, its state aside."""
        if self.ids is not None and job.id not in self.ids:
            return False
        if self.types and job.type not in self.types:
            return False
        if self.destination and job.destination != self.destination:
            return False
        if not self.text:
            return True
        told = f"{job.destination} {job.type} {job.error} {job.id}".casefold()
        return all(word in told for word in self.text.casefold().split())

    def has_state(self, job: ListedJob) -> bool:
        return not self.states or job.state in self.states


@dataclass(frozen=True, slots=True)
class JobsPage:
    """A page of a list."""

    rows: list[ListedJob]
    next: str | None
    count: int
    """All that are wanted."""
    states: dict[str, int]
    """How many there are in each state of those that are wanted, whatever state that is of."""
    cancelled: int
    """How many of those in the state `Failure` were cancelled."""
    types: list[str]
    destinations: list[str]
    """Those of all jobs."""


def page_of(
    jobs: Iterable[ListedJob], wanted: Wanted, sort: str, after: str | None, limit: int
) -> JobsPage:
    """A page of `jobs`; `sort` is one of `ORDERS`, with `-` before it descending.

    It begins behind the last row of the page before, so that jobs that come and go meanwhile make
    none appear twice. Raises `BadRequest` for an order or a place that there is not.
    """
    by, descending = sort.removeprefix("-"), sort.startswith("-")
    if by not in ORDERS:
        raise BadRequest(
            f"Jobs cannot be sorted by {sort[:40]!r}", f"known are {', '.join(ORDERS)}"
        )
    value = ORDERS[by]
    everything = list(jobs)
    alike = [job for job in everything if wanted.takes(job)]
    found = [job for job in alike if wanted.has_state(job)]
    found.sort(key=lambda job: (value(job), job.id), reverse=descending)
    rest = found
    if after is not None:
        place = _read(after, sort)
        rest = [
            job
            for job in found
            if ((value(job), job.id) < place if descending else (value(job), job.id) > place)
        ]
    rows = rest[:limit]
    last = rows[-1] if len(rest) > limit else None
    return JobsPage(
        rows=rows,
        next=None if last is None else _written(sort, value(last), last.id),
        count=len(found),
        states=dict(Counter(job.state for job in alike)),
        cancelled=sum(job.cancelled for job in alike),
        types=sorted({job.type for job in everything}),
        destinations=sorted({job.destination for job in everything} - {""}),
    )


@dataclass(frozen=True, slots=True)
class Undelivered:
    """What one destination did not take."""

    destination: str
    count: int
    since: float
    """When the first of them was given up."""
    causes: list[tuple[str, int]]
    """With how many jobs each; the most frequent ones."""


def undelivered(jobs: Iterable[ListedJob]) -> list[Undelivered]:
    """What was not delivered, by destination, in their order."""
    alike: dict[str, list[ListedJob]] = {}
    for job in jobs:
        if job.state == "Undelivered":
            alike.setdefault(job.destination, []).append(job)
    return [
        Undelivered(
            destination,
            len(letters),
            min(job.completed or job.changed for job in letters),
            Counter(job.error for job in letters).most_common(MOST_CAUSES),
        )
        for destination, letters in sorted(alike.items())
    ]


def _written(sort: str, value: float | str, job_id: str) -> str:
    return urlsafe_b64encode(msgspec.json.encode((sort, value, job_id))).decode().rstrip("=")


def _read(cursor: str, sort: str) -> tuple[Any, str]:
    wrong = BadRequest("This is not where a list in this order ended", "begin at its first page")
    if len(cursor) > LONGEST_CURSOR:
        raise wrong
    try:
        told = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        of, value, job_id = msgspec.json.decode(told, type=tuple[str, float | str, str])
    except (ValueError, msgspec.MsgspecError):
        raise wrong from None
    text = isinstance(value, str)
    if of != sort or text != (sort.removeprefix("-") in ("type", "destination", "state")):
        raise wrong
    return value, job_id
