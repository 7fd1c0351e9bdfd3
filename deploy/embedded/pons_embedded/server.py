# SPDX-License-Identifier: Apache-2.0
"""A server program that whoever needs it starts, waits for and stops."""

import asyncio
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

from pons_embedded.command import Command, end, last_line, spawn
from pons_embedded.errors import Refusal


class Server(ABC):
    """A server on this machine; as a context, also of asyncio, it runs as long as the block."""

    NAME: ClassVar[str]
    START_PATIENCE: ClassVar[float]
    """Seconds until it has to be ready."""
    STOP_PATIENCE: ClassVar[float]
    """Seconds that it may take to end in order."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._running: tuple[subprocess.Popen[bytes], Command] | None = None

    @abstractmethod
    def prepare(self) -> Command:
        """How to start the server, after everything it needs is ready: before each start."""

    @abstractmethod
    def ready(self, pid: int) -> bool:
        """Whether the server with this process id takes connections."""

    def start(self) -> None:
        """Start the server, and return once it is ready. Raises `Refusal` where it does not."""
        command = self.prepare()
        process = spawn(command, self.log)
        self._running = process, command
        deadline = time.monotonic() + self.START_PATIENCE
        while not self.ready(process.pid):
            if process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                why = f"{last_line(self.log)} (see {self.log})"
                raise Refusal(f"{self.NAME} did not start: {why}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server."""
        if self._running is not None:
            end(*self._running, self.STOP_PATIENCE)
            self._running = None

    @property
    def pid(self) -> int:
        """The process id of the server that `start` started."""
        return self.process.pid

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """The process that `start` started."""
        if self._running is None:
            raise RuntimeError(f"{self.NAME} is not running")
        return self._running[0]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)
