# SPDX-License-Identifier: Apache-2.0
"""From jobs to functions of scripts: each is told once, and in its order, of what became of it.

The bucket keeps the last document of a job alone, and that may be deleted. So a document says how
often its job has ended, the mark of a deleted one says what it was, and it is kept beside each job
how many of its events are told. What is read tells of everything that came before it.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec
import structlog
from nats.aio.msg import Msg
from nats.js.kv import KV_OP

from pons.bus import AWAY, Bus
from pons.bus.bucket import Bucket
from pons.bus.connection import SCRIPTS
from pons.errors import Unavailable
from pons.jobs import ForgottenJob, JobDocument
from pons.lua.functions import JOB_FAILURE, JOB_SUBMITTED, JOB_SUCCESS

log = structlog.get_logger()

MOST_REMEMBERED = 10_000


class JobEvents:
    """Reads what is written of jobs, and tells of what is news."""

    def __init__(self, bus: Bus, tell: Callable[[str, str], Awaitable[None]]) -> None:
        """`tell` calls a function with the id of a job."""
        self._bus = bus
        self._name = bus.names.jobs_bucket
        self._bucket = Bucket(bus, self._name, "What is told of jobs cannot be read now")
        self._tell = tell
        self._remembered: dict[str, int] = {}
        """Events that were told of jobs at least; another replica may have told more."""

    @property
    def stream(self) -> str:
        return f"KV_{self._name}"

    @property
    def subject(self) -> str:
        return f"$KV.{self._name}.*"

    async def take(self, message: Msg) -> None:
        """Tell of a job what is not told yet. Raises `Unavailable`; then the message comes again,
        and what was told is not told twice."""
        if not message.data:
            return  # a mark without the document: from an earlier version, or one that ran out
        revision, forgotten = message.metadata.sequence.stream, KV_OP in (message.headers or {})
        try:
            if forgotten:
                left = msgspec.msgpack.decode(message.data, type=ForgottenJob)
                job, revision = left.document, left.revision
            else:
                job = msgspec.msgpack.decode(message.data, type=JobDocument)
        except msgspec.DecodeError:
            log.exception("job cannot be read")
            return
        events = job_events(job)
        if self._remembered.get(job.id, 0) < len(events):
            for number in range(await self._told(job, revision), len(events)):
                await self._tell(events[number], job.id)
                await self._bucket.put(_mark(job.id), b"%d" % (number + 1))
            self._remember(job.id, len(events))
        if forgotten:
            await self._bucket.erase(_mark(job.id))
            self._remembered.pop(job.id, None)

    async def forget(self) -> None:
        """Without scripts nothing is told, and nothing is kept of it."""
        with suppress(Unavailable):
            await self._bucket.erase("*.told")

    async def _told(self, job: JobDocument, revision: int) -> int:
        """How many of its events are told, or happened before anybody was to be told."""
        mark = await self._bucket.get(_mark(job.id))
        if mark is not None and mark.value:
            return int(mark.value)
        begin = await self._begin()
        if job.submitted > begin:
            return 0
        ends_now = job.finished and job.changed == job.completed and revision > begin
        return len(job_events(job)) - ends_now

    async def _begin(self) -> int:
        """The last revision that was there before scripts were set: what came until then is told to
        nobody."""
        try:
            reader = await self._bus.stream.consumer_info(self.stream, SCRIPTS)
        except AWAY as error:
            raise Unavailable("NATS does not answer") from error
        return (reader.config.opt_start_seq or 1) - 1

    def _remember(self, job_id: str, told: int) -> None:
        self._remembered.pop(job_id, None)
        self._remembered[job_id] = told
        if len(self._remembered) > MOST_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]


def job_events(job: JobDocument) -> list[str]:
    """The functions that hear of a job until now, in their order."""
    endings = max(job.endings, int(job.finished))  # an earlier version did not count
    events = [JOB_SUBMITTED, *[JOB_FAILURE] * endings]
    if job.state == "Success":
        events[-1] = JOB_SUCCESS
    return events


def _mark(job_id: str) -> str:
    return f"{job_id}.told"
