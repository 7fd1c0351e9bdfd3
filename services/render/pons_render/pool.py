# SPDX-License-Identifier: Apache-2.0
"""Worker processes with bounds: a file that crashes, fills or stalls its decoder costs one request.

Workers start when work comes, take one task at a time and end after a minute without any, so that
an idle store holds none. This process imports no codec.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import msgspec
import structlog

from pons.errors import DamagedObject, PonsError, Unavailable, UnsupportedImage
from pons_render.answer import Answer
from pons_render.image import FRAME_SHARE, TOO_MUCH_MEMORY
from pons_render.metrics import BUSY, FAILURES, REFUSED, WAIT_SECONDS, WAITING, seconds_of
from pons_render.wire import (
    HEAD,
    Done,
    Failed,
    FromWorker,
    Need,
    Piece,
    Ready,
    Task,
    ToWorker,
    body_length,
    decode_from_worker,
    pack,
)

log = structlog.get_logger()

ReadRange = Callable[[int, int], Awaitable[bytes]]

_PAGE = os.sysconf("SC_PAGESIZE") if hasattr(os, "sysconf") else 4096

INHERITED = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TEMP")
"""The variables that a worker sees: no settings, so no passwords for a codec's bug to give away."""

_PIPE_BUFFER = 1024 * 1024
_START_SECONDS = 60.0
_LINGER_SECONDS = 1.0
_LOOK_SECONDS = 0.02
"""How often the memory of a process that works is looked at; it can fill some 50 MB meanwhile."""


@dataclass(frozen=True)
class Bounds:
    """What rendering may take of the machine."""

    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    memory: int = 384 * 1024 * 1024
    """Bytes of memory that one worker may take."""
    seconds: float = 30.0
    """Time that one task may take, without the wait for a worker."""
    idle_seconds: float = 60.0
    """Time after which a worker without work ends."""
    waiting: int = 256
    """Requests that wait for a worker; more are told to come again."""

    @property
    def frame(self) -> int:
        """Bytes that a decoded frame may take."""
        return self.memory // FRAME_SHARE


class Crashed(Exception):
    """The worker ended in the middle of a task."""


class Worker:
    """One process, and the conversation with it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process = process
        self._input = process.stdin
        self._output = process.stdout
        self.retirement: asyncio.TimerHandle | None = None

    @classmethod
    async def start(cls, command: Sequence[str]) -> Self:
        """A worker that is ready; `Unavailable` when the machine gives none."""
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        # Threads inside a codec or numpy would only take address space: processes are the parallel.
        environment |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=environment,
                limit=_PIPE_BUFFER,
            )
        except OSError as error:
            # uvloop does not name the file, and of a lack of descriptors nobody does.
            raise Unavailable(
                "No process can be started to render", f"{command[0]}: {error.strerror}"
            ) from error
        worker = cls(process)
        try:
            async with asyncio.timeout(_START_SECONDS):
                ready = await worker._receive()
        except (TimeoutError, Crashed) as error:
            code = await worker.ended()
            raise Unavailable(
                "A render process did not start",
                f"exit code {code}; what it said is in the log",
            ) from error
        except BaseException:
            await worker.end()
            raise
        assert isinstance(ready, Ready)
        return worker

    async def perform(self, task: Task, read: ReadRange, answer: Answer) -> Done | Failed:
        """Write the worker's answer; `read` gives it ranges of the object. Raises `Crashed`."""
        await self._send(task)
        while not isinstance(message := await self._receive(), Done | Failed):
            if isinstance(message, Need):
                await self._send(Piece(await read(message.start, message.length)))
            elif isinstance(message, Piece):
                await answer.write(message.data)
        return message

    async def _send(self, message: ToWorker) -> None:
        try:
            self._input.write(pack(message))
            await self._input.drain()
        except ConnectionError:
            raise Crashed from None

    async def _receive(self) -> FromWorker:
        try:
            head = await self._output.readexactly(HEAD)
            body = await self._output.readexactly(body_length(head))
        except (asyncio.IncompleteReadError, ConnectionError):
            raise Crashed from None
        message: FromWorker = decode_from_worker(body)
        return message

    def resident(self) -> int:
        """Bytes of memory that the process has now; 0 where the system does not tell."""
        with suppress(OSError), open(f"/proc/{self.process.pid}/statm", "rb") as statm:
            return int(statm.read().split()[1]) * _PAGE
        return 0

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    def kill(self) -> None:
        """End the process; asyncio reaps it."""
        if self.retirement:
            self.retirement.cancel()
        self._input.close()
        with suppress(ProcessLookupError):
            self.process.kill()

    async def ended(self) -> int | None:
        """The exit code of a process that hung up; one that lingers all the same is killed.

        Killing first would reap it before asyncio does, and the code would be lost.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_SECONDS):
                await self.process.wait()
        await self.end()
        return self.process.returncode

    async def end(self) -> None:
        """End the process and wait until it is gone."""
        self.kill()
        await self.process.wait()


class WorkerPool:
    """Runs tasks in workers, `bounds.workers` at once."""

    def __init__(self, bounds: Bounds, command: Sequence[str] = ()) -> None:
        self._bounds = bounds
        self._command = command or (
            sys.executable,
            "-P",
            "-m",
            "pons_render.worker",
            str(bounds.memory),
        )
        self._slots = asyncio.Semaphore(bounds.workers)
        self._idle: list[Worker] = []
        self._waiting = 0
        self._unstartable = asyncio.Event()
        """Set when a process did not start, until one does."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._idle:
            await self._idle.pop().end()

    @property
    def idle_workers(self) -> int:
        """Processes that wait for work."""
        return len(self._idle)

    async def prove(self) -> None:
        """A process starts, and waits for work then, unless others do. Raises `Unavailable` when it
        does not start."""
        async with self._slots:
            worker = await self._start()
            if self._idle:  # they may be as many as there are to be
                await worker.end()
            else:
                self._keep(worker)

    async def until_none_starts(self) -> None:
        """Return once a process that a request needed did not start."""
        await self._unstartable.wait()

    async def run(self, task: Task, read: ReadRange) -> Answer:
        """What answers `task`, which the caller closes.

        Raises
        ------
        UnsupportedImage
            When the instance cannot be shown as asked, or cost its worker its life.
        DamagedObject
            When the object is missing, or has another size.
        Unavailable
            When too many wait already, or no process can be started. May succeed later.
        """
        if self._waiting >= self._bounds.waiting:
            REFUSED.inc()
            raise Unavailable("Too many requests wait for a picture")
        self._waiting += 1
        try:
            with WAITING.track_inprogress(), WAIT_SECONDS.time():
                await self._slots.acquire()
        finally:
            self._waiting -= 1
        took = seconds_of(task.operation, task.image.transfer_syntax)
        try:
            with BUSY.track_inprogress(), took.time():
                return await self._run_in_worker(task, read)
        except PonsError as error:
            FAILURES.labels(type(error).__name__).inc()
            raise
        finally:
            self._slots.release()

    async def _run_in_worker(self, task: Task, read: ReadRange) -> Answer:
        bounds = self._bounds
        task = msgspec.structs.replace(task, seconds=bounds.seconds, most=bounds.frame)
        if idle := self._take_idle():
            # It may have died since its last task, which says nothing about this one.
            with suppress(Crashed):
                return await self._perform(idle, task, read)
        try:
            return await self._perform(await self._start(), task, read)
        except Crashed:
            raise UnsupportedImage("The decoder crashed") from None

    async def _start(self) -> Worker:
        try:
            worker = await Worker.start(self._command)
        except Unavailable:
            self._unstartable.set()
            raise
        self._unstartable.clear()
        return worker

    async def _perform(self, worker: Worker, task: Task, read: ReadRange) -> Answer:
        """What answers `task`; the worker is kept unless it failed. Raises `Crashed`."""
        answer = Answer()
        try:
            _check(task, await self._converse(worker, task, read, answer))
        except BaseException:
            answer.close()
            raise
        return answer

    async def _converse(
        self, worker: Worker, task: Task, read: ReadRange, answer: Answer
    ) -> Done | Failed:
        watch = asyncio.ensure_future(self._watch(worker))
        try:
            async with asyncio.timeout(self._bounds.seconds):
                end = await worker.perform(task, read, answer)
        except TimeoutError:
            await worker.end()
            log.warning("render timed out", seconds=self._bounds.seconds, **_about(task))
            raise UnsupportedImage("Decoding takes too long") from None
        except Crashed:
            code = await worker.ended()
            if watch.done():
                log.warning("render took too much memory", **_about(task))
                raise UnsupportedImage(TOO_MUCH_MEMORY) from None
            log.warning("render worker crashed", exit_code=code, **_about(task))
            raise
        except BaseException:
            await worker.end()  # in the middle of a conversation that nobody will end
            raise
        finally:
            watch.cancel()
        self._keep(worker)
        return end

    async def _watch(self, worker: Worker) -> None:
        """Kill the process as soon as it has more resident than it may."""
        while True:
            if worker.resident() > self._bounds.memory:
                worker.process.kill()
                return
            await asyncio.sleep(_LOOK_SECONDS)

    def _take_idle(self) -> Worker | None:
        while self._idle:
            worker = self._idle.pop()
            if worker.retirement:
                worker.retirement.cancel()
            if worker.alive:
                return worker
            worker.kill()  # closes what is left of it
        return None

    def _keep(self, worker: Worker) -> None:
        """The worker used last is used next, so that those beyond the need reach their end."""
        self._idle.append(worker)
        loop = asyncio.get_running_loop()
        worker.retirement = loop.call_later(self._bounds.idle_seconds, self._retire, worker)

    def _retire(self, worker: Worker) -> None:
        self._idle.remove(worker)
        worker.kill()


def _check(task: Task, end: Done | Failed) -> None:
    """Raise what a worker's answer ended with."""
    if isinstance(end, Done):
        return
    if end.damaged:
        raise DamagedObject("The object is damaged", end.reason, what=end.damaged)
    if end.traceback:
        log.info("decoder failed", traceback=end.traceback, **_about(task))
    raise UnsupportedImage(end.reason)


def _about(task: Task) -> dict[str, str | int]:
    """What a log line says of a task."""
    return {
        "operation": task.operation,
        "frame": task.frame,
        "transfer_syntax": task.image.transfer_syntax,
        "object_bytes": task.size,
    }
