# SPDX-License-Identifier: Apache-2.0
"""Whether a process that runs still does anything: hung, or only slow, or asleep with the machine.

What hangs (a deadlock, SIGSTOP) answers no question. Time is counted in ticks of this process, one
second each at most: when the whole machine was suspended, or is so slow that this process is late
as well, far fewer have passed than the clock says.
"""

import asyncio
import contextlib
import errno
from collections.abc import Awaitable, Callable

import psutil

Ask = Callable[[], Awaitable[bool]]
"""Asks a process whether it lives; may wait for the answer for ever, and may be cancelled."""

TICK = 1.0
INTERVAL = 5.0
"""Seconds between an answer and the next question."""
FIRST_PATIENCE = 90.0
"""Seconds until the first answer, or more: a slow disk takes its time to give programs out."""
OUR_LACK = {errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM}
"""What keeps this process, or any on this machine, from asking says nothing about who is asked."""
BUSY = 0.05
"""Share of a tick's CPU time from which on a process is at work."""
BUSY_WEIGHT = 0.25
"""What a tick counts in which the process was at work, but did not answer: a long computation ends,
an endless one is told by its taking four times as long."""


async def until_hung(
    pid: int, ask: Ask, patience: float, started: Callable[[], bool] = lambda: True
) -> None:
    """Return when the process has not answered for `patience` seconds; as long as it does, wait.

    Until it has `started`, or answered once, it may take `FIRST_PATIENCE`.
    """
    answered = False

    def allowed() -> float:
        return patience if answered or started() else max(patience, FIRST_PATIENCE)

    while await _answers(ask, _Silence(pid), allowed):
        answered = True
        await asyncio.sleep(INTERVAL)


async def _answers(ask: Ask, silence: "_Silence", allowed: Callable[[], float]) -> bool:
    """Whether an answer comes before the silence is longer than allowed."""
    question = asyncio.ensure_future(ask())
    try:
        while silence.seconds < allowed():
            await asyncio.wait((question,), timeout=TICK)
            if question.done():
                if question.result():
                    return True
                await asyncio.sleep(TICK)
                question = asyncio.ensure_future(ask())
            silence.tick()
        return False
    finally:
        question.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await question


class _Silence:
    """How long a process has not answered, by what it did meanwhile."""

    def __init__(self, pid: int) -> None:
        self.seconds = 0.0
        self._pid = pid
        self._worked = self._cpu_time()

    def tick(self) -> None:
        """Count a tick that has passed."""
        worked = self._cpu_time()
        busy = worked - self._worked >= BUSY * TICK
        self._worked = worked
        if not self._waits_for_disk():
            self.seconds += TICK * (BUSY_WEIGHT if busy else 1.0)

    def _cpu_time(self) -> float:
        with contextlib.suppress(psutil.Error):
            times = psutil.Process(self._pid).cpu_times()
            return float(times.user + times.system)
        return 0.0

    def _waits_for_disk(self) -> bool:
        """A process that waits for a disk cannot even be killed, and a new one would wait, too."""
        with contextlib.suppress(psutil.Error):
            return bool(psutil.Process(self._pid).status() == psutil.STATUS_DISK_SLEEP)
        return False


async def http_answers(host: str, port: int, path: str, beginning: bytes = b"HTTP/") -> bool:
    """Whether a server answers a plain GET with a line that begins so, however long that takes."""
    question = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    return await _says(asyncio.open_connection(host, port), question.encode(), beginning)


async def postgres_answers(socket: str, host: str, port: int) -> bool:
    """Whether PostgreSQL answers the question whether it speaks TLS, which any client may ask.

    See https://www.postgresql.org/docs/current/protocol-message-formats.html, SSLRequest.
    """
    opening = (
        asyncio.open_unix_connection(socket) if socket else asyncio.open_connection(host, port)
    )
    return await _says(opening, bytes((0, 0, 0, 8, 4, 210, 22, 47)), b"")


async def _says(
    opening: Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]],
    question: bytes,
    beginning: bytes,
) -> bool:
    try:
        reader, writer = await opening
    except OSError as error:
        return error.errno in OUR_LACK
    try:
        writer.write(question)
        return (await reader.readexactly(max(1, len(beginning)))).startswith(beginning)
    except (OSError, EOFError):
        return False
    finally:
        writer.transport.abort()
