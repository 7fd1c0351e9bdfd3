# SPDX-License-Identifier: Apache-2.0
"""The jobs of a store as every service sees them: submit, look, wait, cancel, pause, go on."""

import asyncio
import re
import time
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing, suppress
from functools import partial
from typing import Literal
from uuid import UUID, uuid4

import msgspec
import structlog

from pons.bus import MAX_EVENT_BYTES, Bus
from pons.bus.bucket import Bucket, Outdated
from pons.bus.watch import Entry, Snapshot
from pons.errors import Conflict, NotFound, PonsError, TooLarge, Unavailable, log_text
from pons.jobs.document import ForgottenJob, Job, JobDocument, JobRequest, JobState, Output, Step
from pons.jobs.steps import all_reached, as_far_as, followed, key_of, last_step, reached
from pons.jobs.transitions import (
    Transition,
    cancelled,
    paused,
    resubmitted,
    resumed,
    step_of,
    with_step,
    without_output,
)
from pons.objects import Kind, Objects, Spool, new_key
from pons.settings import JobsSettings
from pons.traces.spans import traceparent

log = structlog.get_logger()

Documents = list[tuple[JobDocument, int]]
"""Documents with their revisions."""

JOB_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
WRITE_SECONDS = 5.0


class Jobs:
    """Stateless: everything is in the bucket, so any replica answers for any job."""

    def __init__(self, bus: Bus, settings: JobsSettings, objects: Objects | None = None) -> None:
        """`objects` holds the outputs of jobs; without it, the index's collector finds those that
        no job names any more."""
        self.bus = bus
        self._settings = settings
        self._objects = objects
        self.bucket = _bucket(bus)

    async def submit(self, request: JobRequest, priority: int = 0) -> str:
        """Hand `request` to its kind of worker; gives the id of the new job.

        Raises `TooLarge` for a request that NATS would not carry, and `Unavailable`, after which
        the job may nevertheless be there.
        """
        if told := traceparent():
            request = msgspec.structs.replace(request, trace=told)
        asked = msgspec.msgpack.encode(request)
        if len(asked) > MAX_EVENT_BYTES:
            raise TooLarge(
                f"The request of this job has {len(asked)} bytes, more than {MAX_EVENT_BYTES}",
                "name studies or patients instead of their instances, or make several jobs",
            )
        now = time.time()
        document = JobDocument(
            id=str(uuid4()),
            job_type=request.job_type,
            worker=request.worker,
            priority=priority,
            created=now,
            changed=now,
            destination=request.destination,
            retry=request.retry,
        )
        submitted = await self.bucket.put(f"{document.id}.request", asked)
        document = msgspec.structs.replace(document, submitted=submitted)
        try:
            await self.replace(document, 0)
        except Outdated:
            raise Conflict(f"Job {document.id} was deleted while it was submitted") from None
        return document.id

    def retries(self, *, synchronous: bool) -> bool:
        """Whether a job that REST asks for is tried again after network errors, by the settings."""
        return not synchronous and self._settings.retry == "asynchronous"

    async def ids(self) -> list[str]:
        """The ids of all jobs, oldest first."""
        return [document.id for document, _ in await self._documents()]

    async def counted(self) -> Counter[JobState | Literal["dead letter"]]:
        """How many jobs are in each state, and dead letters, in one read of the documents alone."""
        documents = [document for document, _ in await self._documents()]
        counted = Counter[JobState | Literal["dead letter"]](one.state for one in documents)
        counted["dead letter"] = sum(one.dead_letter for one in documents)
        return counted

    async def list(self) -> list[Job]:
        """All jobs, oldest first, as far as they are."""
        documents = await self._documents()
        now = await all_reached(self.bucket, [document for document, _ in documents])
        # Each request was there before its document.
        asked = {entry.key: entry.value for entry in await self.bucket.all("*.request")}
        return [
            Job(msgspec.msgpack.decode(request, type=JobRequest), document, revision)
            for document, (_, revision) in zip(now, documents, strict=True)
            if (request := asked.get(f"{document.id}.request")) is not None
        ]

    async def get(self, job_id: str) -> Job:
        """The job called `job_id`, as far as it is; raises `NotFound`."""
        document, revision = await self.read(job_id)
        request = await self.request(job_id)
        if request is None:
            raise _unknown(job_id)
        return Job(request, await reached(self.bucket, document), revision)

    async def cancel(self, job_id: str) -> None:
        """End it with code 37; a running one ends shortly after. A finished one stays as it is."""
        await self.change(job_id, cancelled)

    async def pause(self, job_id: str) -> None:
        """Let it rest; a running one does after its present step. A finished one stays as it is."""
        await self.change(job_id, paused)

    async def resume(self, job_id: str) -> None:
        """Go on with a paused job; raises `Conflict` for any other."""
        await self.change(job_id, resumed)

    async def resubmit(self, job_id: str) -> None:
        """Start a failed job again; raises `Conflict` for any other."""
        await self.change(job_id, resubmitted)

    async def delete(self, job_id: str) -> None:
        """Forget a finished job; raises `Conflict` for one that is not."""
        document, revision = await self.read(job_id)
        if not document.finished:
            raise Conflict(f"Job {job_id} is {document.state}", "cancel it first")
        await self._forget(document, revision)

    async def keep_output(self, spool: Spool, media_type: str, filename: str) -> Output:
        """Put what a job has made into the object store. Until the job's document names it, it
        is an orphan."""
        if self._objects is None:
            raise ValueError("these jobs have no object store")
        key, size = new_key(Kind.TEMPORARY), spool.size
        await self._objects.put(key, spool)
        return Output(key, size, media_type, filename, time.time())

    async def drop_output(self, job_id: str, name: str) -> None:
        """Remove one output of a job; raises `NotFound`."""
        before = await self.change(job_id, partial(without_output, name=name))
        await self._remove([before.outputs[name]])

    async def drop_old_outputs(self, keep: int) -> None:
        """Remove outputs beyond the `keep` that were made last, of all jobs."""
        made = [
            (output.made, document.id, name)
            for document, _ in await self._documents()
            for name, output in document.outputs.items()
        ]
        for _, job_id, name in sorted(made, reverse=True)[keep:]:
            with suppress(NotFound):  # somebody else removed it, or the job
                await self.drop_output(job_id, name)

    async def wait_for(self, job_id: str, seconds: float) -> Job:
        """The job once it has finished.

        Raises `NotFound`, or `Unavailable` when it has not finished within `seconds`.
        """
        request = await self.request(_check_id(job_id))
        if request is None:
            raise _unknown(job_id)
        try:
            async with asyncio.timeout(seconds):
                document, revision = await self._finished(job_id)
        except TimeoutError:
            raise Unavailable(
                f"Job {job_id} has not finished within {seconds:g} s", f"look at /jobs/{job_id}"
            ) from None
        return Job(request, document, revision)

    async def follow(self, job_id: str) -> AsyncGenerator[JobDocument, None]:
        """The document as far as the job is, and then after each change, until it has finished.

        Raises `NotFound` when there is no such job, or not any more.
        """
        async with (
            aclosing(self._documents_of(job_id)) as documents,
            aclosing(followed(self.bucket, documents)) as told,
        ):
            async for document in told:
                yield document

    async def _documents_of(self, job_id: str) -> AsyncGenerator[JobDocument, None]:
        async with aclosing(self._changes(job_id)) as changes:
            async for document, _ in changes:
                yield document

    async def _finished(self, job_id: str) -> tuple[JobDocument, int]:
        async with aclosing(self._changes(job_id)) as changes:
            async for document, revision in changes:
                if document.finished:
                    return document, revision
        raise _unknown(job_id)

    async def _changes(self, job_id: str) -> AsyncGenerator[tuple[JobDocument, int], None]:
        async with aclosing(self.bucket.watch(_check_id(job_id))) as changes:
            async for item in changes:
                entry = item.entries.get(job_id) if isinstance(item, Snapshot) else item
                if entry is None or entry.value is None:
                    break
                document = decode(entry.value)
                yield document, entry.revision
                if document.finished:
                    return
        raise _unknown(job_id)

    async def read(self, job_id: str) -> tuple[JobDocument, int]:
        """The document as it is written, and its revision; raises `NotFound`."""
        entry = await self.bucket.get(_check_id(job_id))
        if entry is None or entry.value is None:
            raise _unknown(job_id)
        return decode(entry.value), entry.revision

    async def replace(self, document: JobDocument, revision: int) -> int:
        """Write `document` over the one with `revision` (0: there is none); gives the new revision.

        Raises `Outdated`, or `Unavailable` when NATS is away for longer; then it may be written.
        """
        return await self._write(document.id, msgspec.msgpack.encode(document), revision)

    async def keep_step(self, job_id: str, step: Step, revision: int) -> int:
        """Write `step` over the one with `revision` (0: there is none); gives the new revision.

        Only who takes the job over or asks how far it is reads it, so it is no news to anybody.
        Raises as `replace`.
        """
        return await self._write(key_of(job_id), msgspec.msgpack.encode(step), revision)

    async def last_step(self, job_id: str) -> tuple[Step | None, int]:
        """As `pons.jobs.steps.last_step`."""
        return await last_step(self.bucket, job_id)

    async def take_over(
        self, document: JobDocument, former: JobDocument
    ) -> tuple[JobDocument, int]:
        """The claimed document as far as its owner before, who left it as `former`, has got.

        And the revision of the last step, which is ours from now on: that owner can keep no more.
        """
        while True:
            step, revision = await self.last_step(document.id)
            former = as_far_as(former, step)
            # Since then nobody has worked: what is to be counted begins with the claim.
            taken = with_step(document, step_of(former))
            document = msgspec.structs.replace(taken, changed=document.changed)
            try:
                return document, await self.keep_step(document.id, step_of(document), revision)
            except Outdated:
                continue

    async def _write(self, key: str, value: bytes, revision: int) -> int:
        deadline, again = time.monotonic() + WRITE_SECONDS, False
        while True:
            try:
                return await self.bucket.replace(key, value, revision)
            except Outdated:
                # Ours, when an earlier try was kept and only its acknowledgement got lost.
                entry = await self.bucket.get(key) if again else None
                if entry is not None and entry.value == value:
                    return entry.revision
                raise
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
                again = True
                await asyncio.sleep(0.2)

    async def forget_old(self, documents: Iterable[tuple[JobDocument, int]]) -> None:
        """Of `documents`, delete those that finished longest ago: beyond `jobs.history`, and of
        the dead letters of a destination beyond `jobs.dead_letters`."""
        alike: defaultdict[str | None, Documents] = defaultdict(list)
        for document, revision in documents:
            if document.finished:
                kind = document.destination if document.dead_letter else None
                alike[kind].append((document, revision))
        for kind, finished in alike.items():
            finished.sort(key=lambda item: item[0].completed or 0.0, reverse=True)
            keep = self._settings.history if kind is None else self._settings.dead_letters
            for document, revision in finished[keep:]:
                if kind is not None:
                    log.error(
                        "dead letter forgotten",
                        job=document.id,
                        destination=kind,
                        cause=document.error_details,
                    )
                await self._forget(document, revision)

    async def change(
        self, job_id: str, transition: Transition, *, forgetting: bool = True
    ) -> JobDocument:
        """Change the document; gives it as it was before.

        Who ends many jobs does so without `forgetting`, and calls `forget_old` once at the end.
        """
        while True:
            document, revision = await self.read(job_id)
            changed = transition(document, time.time())
            if changed is document:
                return document
            try:
                await self.replace(changed, revision)
            except Outdated:
                continue
            if forgetting and changed.finished and not document.finished:
                await self.forget_old(await self._documents())
            return document

    async def _forget(self, document: JobDocument, revision: int) -> None:
        """Delete its keys and the outputs; nothing happens when the job changed since."""
        left = msgspec.msgpack.encode(ForgottenJob(document, revision))
        with suppress(Outdated):
            await self.bucket.purge(document.id, revision, left)
            await self.bucket.purge(f"{document.id}.request")
            # With a mark, as the others: who reads all keys waits for each that was there.
            await self.bucket.purge(key_of(document.id))
            await self._remove(document.outputs.values())

    async def _remove(self, outputs: Iterable[Output]) -> None:
        """Delete the bytes of outputs that no document names any more."""
        keys = [output.object_key for output in outputs]
        if self._objects is None or not keys:
            return
        try:
            await self._objects.delete(keys)
        except PonsError as error:  # orphans from here on: the collector removes them
            log.warning("outputs not removed", outputs=len(keys), error=log_text(error))

    async def _documents(self) -> Documents:
        return await read_documents(self.bus)

    async def request(self, job_id: str) -> JobRequest | None:
        """What was asked; None when the job was deleted."""
        entry = await self.bucket.get(f"{job_id}.request")
        if entry is None or entry.value is None:
            return None
        return msgspec.msgpack.decode(entry.value, type=JobRequest)


async def read_documents(bus: Bus) -> Documents:
    """The documents of all jobs, oldest first. Raises `Unavailable`."""
    return in_order(await _bucket(bus).all())


def in_order(entries: Iterable[Entry]) -> Documents:
    """The documents among `entries`, oldest first."""
    documents = [(decode(e.value), e.revision) for e in entries if e.value]
    return sorted(documents, key=lambda item: (item[0].created, item[0].id))


async def output_keys(bus: Bus) -> set[UUID]:
    """The objects that hold what jobs have made: nothing in the index refers to them."""
    return {
        output.object_key
        for document, _ in await read_documents(bus)
        for output in document.outputs.values()
    }


def decode(value: bytes) -> JobDocument:
    """The document that the bucket holds as `value`."""
    return msgspec.msgpack.decode(value, type=JobDocument)


def _check_id(job_id: str) -> str:
    if JOB_ID.fullmatch(job_id) is None:  # also keeps wildcards out of the watch
        raise _unknown(job_id)
    return job_id


def _unknown(job_id: str) -> NotFound:
    return NotFound(f"There is no job {job_id!r}")


def _bucket(bus: Bus) -> Bucket:
    away = "The list of jobs cannot be reached now"
    return Bucket(bus, bus.names.jobs_bucket, away, "try again shortly")
