# SPDX-License-Identifier: Apache-2.0
"""A job while its handler works: its position kept, its claim kept, and what is wanted heard."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import msgspec
import structlog

from pons.bus import check_cancelled
from pons.bus.bucket import Outdated
from pons.errors import NotFound, PonsError, Unavailable, log_text
from pons.jobs.board import Jobs
from pons.jobs.document import JobDocument, JobRequest
from pons.jobs.transitions import Transition, step_of, with_step
from pons.objects import Spool

log = structlog.get_logger()


class ClaimLost(Exception):
    """Another worker has taken this job over, or it was deleted: stop, and write nothing."""


class PauseWanted(Exception):
    """Raised by `Run.step` to end a handler whose job is to rest; its position is kept."""


class Run:
    """A job in the hands of its handler."""

    request: JobRequest
    """What was asked; there once `read_request` has been called, which the worker does."""

    def __init__(
        self, jobs: Jobs, document: JobDocument, revision: int, step_revision: int = 0
    ) -> None:
        """`step_revision` is that of the step that was kept last; 0 when there is none."""
        self._jobs = jobs
        self._writing = asyncio.Lock()
        self._step_revision = step_revision
        self.document = document
        """As it is; `position` is where to go on. What is in the bucket is some steps behind."""
        self.revision = revision
        self.task: asyncio.Task[None] | None = None
        self.lost = False

    @property
    def id(self) -> str:
        return self.document.id

    async def read_request(self) -> None:
        """Read what was asked, however long NATS is away. Raises `NotFound` where it is gone."""
        while True:
            check_cancelled()
            try:
                request = await self._jobs.request(self.id)
                break
            except Unavailable as error:
                await self._wait(error)
        if request is None:
            raise NotFound("What this job was asked to do is not in the bucket any more")
        self.request = request

    async def step(self, progress: float, content: Mapping[str, Any], position: Any) -> None:
        """Keep how far the job is: call it after each unit of work, before the next begins.

        It is kept beside the document, of which every replica hears: so nobody is woken. Waits as
        long as NATS is away. Raises what ends the handler when the job is to rest; let it pass.
        """
        kept: dict[str, Any] = {"progress": progress, "content": dict(content)}

        def stepped(document: JobDocument, now: float) -> JobDocument:
            further = progress > document.furthest
            return msgspec.structs.replace(
                document,
                changed=now,
                attempts=0 if further else document.attempts,
                furthest=max(progress, document.furthest),
                position=position,
                **kept,
            )

        await self._patiently(self._keep, stepped)
        check_cancelled()
        if self.document.wanted == "pause":
            raise PauseWanted

    async def deliver(self, name: str, spool: Spool, media_type: str, filename: str) -> None:
        """Keep what the job has made, under `name`; the spool is consumed."""
        output = await self._jobs.keep_output(spool, media_type, filename)
        await self._patiently(
            self.write,
            lambda document, now: msgspec.structs.replace(
                document, changed=now, outputs={**document.outputs, name: output}
            ),
        )
        check_cancelled()

    async def keep_claim(self, interval: float) -> None:
        """Write a sign of life every `interval` seconds, and hear what is wanted, for ever."""
        while True:
            await asyncio.sleep(interval)
            try:
                await self.write(_alive)
            except Unavailable as error:  # nobody else can claim it either
                log.warning("job without heartbeat", job=self.id, error=log_text(error))
            except ClaimLost:
                self._give_up()
                return
            else:
                self.hear(self.document, self.revision)
            check_cancelled()

    def hear(self, document: JobDocument, revision: int) -> None:
        """Act on what somebody wrote into the document while the handler works."""
        if revision < self.revision:
            return  # the watch is behind
        if document.claim != self.document.claim or document.state != "Running":
            self._give_up()
            return
        self._adopt(document, revision)
        if document.wanted == "cancel" and self.task is not None:
            self.task.cancel()

    async def end(self, transition: Transition) -> bool:
        """Write how it ended; false when the job is not ours any more."""
        try:
            await self._patiently(self.write, transition)
        except ClaimLost:
            return False
        return True

    async def wants(self) -> str:
        """What is wanted of the job now: `cancel`, `pause` or nothing."""
        with suppress(Unavailable, ClaimLost):  # then as it was when it was read last
            await self.write(_alive)
        return self.document.wanted

    async def write(self, transition: Transition) -> None:
        """Change the document, keeping what others wrote into it meanwhile.

        Raises `ClaimLost` when the job is not ours any more, also because this run has ended it: of
        what a handler left undone, nothing may get into a job that waits for its next owner.
        """
        async with self._writing:
            while True:
                changed = self._changed(transition)
                try:
                    revision = await self._jobs.replace(changed, self.revision)
                except Outdated:
                    await self._read_again()
                    continue
                if revision < self.revision:  # a wish behind it was heard before its answer
                    self.document = with_step(self.document, step_of(changed))
                else:
                    self.document, self.revision = changed, revision
                return

    async def _keep(self, transition: Transition) -> None:
        """Change the document here, and write how far the job is beside it. Raises as `write`."""
        async with self._writing:
            while True:
                changed = self._changed(transition)
                step = step_of(changed)
                try:
                    revision = await self._jobs.keep_step(self.id, step, self._step_revision)
                except Outdated:
                    await self._read_again()
                    _, self._step_revision = await self._jobs.last_step(self.id)
                    continue
                self._step_revision = revision
                self.document = with_step(self.document, step)
                return

    def _changed(self, transition: Transition) -> JobDocument:
        if self.document.state != "Running":
            raise ClaimLost
        now = time.time()
        changed = transition(self.document, now)
        worked = max(now - self.document.changed, 0.0)
        return msgspec.structs.replace(changed, runtime=self.document.runtime + worked)

    async def _patiently(
        self, write: Callable[[Transition], Awaitable[None]], transition: Transition
    ) -> None:
        while True:
            try:
                return await write(transition)
            except Unavailable as error:
                await self._wait(error)

    async def _wait(self, error: Unavailable) -> None:
        log.warning("job waits for its list", job=self.id, error=log_text(error))
        await asyncio.sleep(0.5)

    async def _read_again(self) -> None:
        try:
            document, revision = await self._jobs.read(self.id)
        except PonsError as error:
            if isinstance(error, Unavailable):
                raise
            raise ClaimLost from error
        if document.claim != self.document.claim:
            raise ClaimLost
        self._adopt(document, revision)

    def _adopt(self, document: JobDocument, revision: int) -> None:
        """Take over what others wrote; how far the job is, is known here alone."""
        self.document, self.revision = with_step(document, step_of(self.document)), revision

    def _give_up(self) -> None:
        if self.lost:
            return  # the handler is ending, and is not to be disturbed in that
        self.lost = True
        if self.task is not None:
            self.task.cancel()


def _alive(document: JobDocument, now: float) -> JobDocument:
    return msgspec.structs.replace(document, changed=now)
