# SPDX-License-Identifier: Apache-2.0
"""The service's side of the process that scripts run in: started, asked, ended."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import structlog

from pons.errors import PonsError
from pons.lua.frames import (
    LARGEST,
    LENGTH,
    Answer,
    Ask,
    Outcome,
    Refused,
    Request,
    Told,
    decode_answer,
    frame,
)

log = structlog.get_logger()

Door = Callable[..., Awaitable[Any]]
"""Answers what scripts ask; what it raises of our errors is an error in the script."""


class ProcessEnded(Exception):
    """The process is not there any more: it was killed, or used more memory than it may."""


class LuaProcess:
    """One process. Whoever asks waits for the answer, or ends it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._requests, self._answers = process.stdin, process.stdout

    @classmethod
    async def start(cls, memory_mb: int) -> "LuaProcess":
        """A new one. It knows nothing of this one: -I and an empty environment."""
        return cls(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-m", "pons.lua.host", str(memory_mb)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=None if os.name == "nt" else {},  # Windows needs some of it
            )
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ask(self, request: Request, doors: Mapping[str, Door]) -> Outcome:
        """How `request` has ended; what its script asks meanwhile, `doors` answer.

        Raises `ProcessEnded`. When it is cancelled, the process is of no more use.
        """
        try:
            await self._write(request)
            while isinstance(answer := await self._read(), Ask):
                await self._write(await _answer(answer, doors))
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            raise ProcessEnded from error
        return answer

    async def end(self) -> None:
        """Kill it, and wait for its end."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
        self._requests.close()
        while await self._answers.read(LARGEST):
            pass  # asyncio takes a process for ended when its pipes were read to their end
        await self._process.wait()

    async def _write(self, message: Request) -> None:
        self._requests.write(frame(message))
        await self._requests.drain()

    async def _read(self) -> Answer:
        length = int.from_bytes(await self._answers.readexactly(LENGTH), "big")
        if length > LARGEST:
            raise ConnectionError(f"a frame of {length} bytes")
        answer: Answer = decode_answer(await self._answers.readexactly(length))
        return answer


async def _answer(asked: Ask, doors: Mapping[str, Door]) -> Told | Refused:
    door = doors.get(asked.what)
    if door is None:
        return Refused(f"{asked.what} is nothing that scripts can ask here")
    try:
        told = Told(await door(*asked.arguments))
        frame(told)
    except (PonsError, ValueError) as error:
        return Refused(str(error))
    except Exception:  # the edge: anything else is a bug, and an error in the script, too
        log.exception("lua cannot be answered", what=asked.what)
        return Refused(f"{asked.what} failed: see the log of the store")
    return told
