# SPDX-License-Identifier: Apache-2.0
"""What the supervisor has of the process that services are forked from: orders, and what they made.

Linux alone: elsewhere, and when that process is gone, services are started plainly.
"""

import asyncio
import contextlib
import ctypes
import io
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from pons.settings import Settings
from pons_embedded.command import Command, open_log
from pons_embedded.folder import DataFolder
from pons_embedded.forkserver import LENGTH, PID

PATIENCE = 60.0
"""Seconds in which an order is carried out; the first waits until everything is imported."""
END_PATIENCE = 5.0
ROOM = 16384
"""Bytes by which the environment of a service may be larger than that of the supervisor; what is
beyond is not seen in /proc."""
PR_SET_CHILD_SUBREAPER = 36


class Forked:
    """A process that was forked for us, as `asyncio.subprocess.Process` shows one."""

    def __init__(self, pid: int, stdin: io.FileIO | None) -> None:
        self.pid = pid
        self.stdin = stdin
        self.returncode: int | None = None
        self._ended = asyncio.Event()
        self._watched = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(self._watched, self._end)

    async def wait(self) -> int:
        """The exit code, or the negative number of the signal that ended it."""
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._watched)
        os.close(self._watched)
        self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        if self.stdin is not None:
            self.stdin.close()
        self._ended.set()


class ForkServer:
    """`pons_embedded.forkserver`, which runs as long as the block and imports meanwhile."""

    def __init__(self, log: Path, say: Callable[[str], None]) -> None:
        self._log = log
        self._say = say
        self._orders, self._theirs = socket.socketpair()
        self._gone = False
        self._one_order = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._orders.settimeout(PATIENCE)
        command = Command(
            name="fork server",
            argv=(sys.executable, "-P", "-m", "pons_embedded.forkserver"),
            # Threads of a numeric library would not be there in what is forked.
            environment={**os.environ, "OPENBLAS_NUM_THREADS": "1", "FORKSERVER_ROOM": " " * ROOM},
        )
        output = open_log(self._log)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *command.argv, stdout=output, **command.options() | {"stdin": self._theirs}
            )
        finally:
            self._theirs.close()
            os.close(output)
        self._watching = asyncio.create_task(self._watch(self._process))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        self._orders.close()
        if self._process is not None:
            try:
                async with asyncio.timeout(END_PATIENCE):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()

    async def start(self, command: Command, stdin: int, log: int) -> Forked | None:
        """What `command` runs as a module, forked; None where it has to be started plainly.

        `stdin` may be `asyncio.subprocess.PIPE` or `DEVNULL`, as for a plain start.
        """
        reading, writing = stdin, None
        if stdin == asyncio.subprocess.PIPE:
            reading, end = os.pipe()
            writing = io.FileIO(end, "wb")
        elif stdin == asyncio.subprocess.DEVNULL:
            reading = os.open(os.devnull, os.O_RDONLY)
        try:
            async with self._one_order:
                pid = await asyncio.to_thread(self._order, command, (reading, log))
            if pid:
                return Forked(pid, writing)
        except OSError as error:
            self._give_up(f"it did not answer ({error})")
        finally:
            if reading != stdin:
                os.close(reading)
        if writing is not None:
            writing.close()
        return None

    def _order(self, command: Command, files: tuple[int, int]) -> int:
        """The new process; 0 when there is none."""
        if self._gone:
            return 0
        order = {
            "argv": command.argv,
            "module": command.argv[-1],
            "environment": dict(command.environment),
        }
        content = json.dumps(order).encode()
        with adopting():
            socket.send_fds(self._orders, [LENGTH.pack(len(content))], files)
            self._orders.sendall(content)
            told = self._orders.recv(PID.size)
        if len(told) < PID.size:
            raise ConnectionResetError("it has ended")
        pid: int = PID.unpack(told)[0]
        return pid

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        code = await process.wait()
        self._give_up(f"it ended ({code})")

    def _give_up(self, why: str) -> None:
        if self._gone:
            return
        self._gone = True
        with contextlib.suppress(OSError):  # an order that waits ends; its thread uses the socket
            self._orders.shutdown(socket.SHUT_RDWR)
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        self._say(
            f"services that start from now on take longer and share no memory, as the process "
            f"that they were forked from is gone: {why} (see {self._log})"
        )


def fork_server(
    settings: Settings, folder: DataFolder, say: Callable[[str], None]
) -> contextlib.AbstractAsyncContextManager[ForkServer | None]:
    """A fork server for the store's services, where the system and the settings allow it."""
    if settings.store.fork_services and can_fork():
        return ForkServer(folder.log / "forkserver.log", say)
    return contextlib.nullcontext()


def can_fork() -> bool:
    """Whether this system lets a process adopt, and wait for, what is forked for it.

    Elsewhere than on Linux libraries of the system use threads, which a forked process lacks.
    """
    if sys.platform != "linux":
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
        with adopting():
            return True
    except OSError:
        return False


@contextlib.contextmanager
def adopting() -> Iterator[None]:
    """Descendants whose parent ends in this block become children of this process.

    Not for longer, as nobody would fetch the exit codes of others: decoders whose render was
    killed. Raises `OSError` where the system does not know that.
    """
    _set_subreaper(1)
    try:
        yield
    finally:
        _set_subreaper(0)


def _set_subreaper(on: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, on, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
