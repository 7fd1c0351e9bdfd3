# SPDX-License-Identifier: Apache-2.0
"""What a worker has made: in memory while it is small, in a file beyond, until it is sent.

So a client that reads slowly costs disk instead of memory, and keeps no worker waiting.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import SpooledTemporaryFile, gettempdir
from types import TracebackType
from typing import Self

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from pons.objects import PIECE
from pons.objects.disk import disk_errors

IN_MEMORY = 1 << 20
"""Bytes of an answer that need no file."""


class Answer:
    """Bytes that are written, then read once."""

    def __init__(self) -> None:
        self.size = 0
        self._file = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 closed by close()

    async def write(self, data: bytes) -> None:
        """Append `data`. Raises `OutOfResources` where the disk is full."""
        self.size += len(data)
        if self.size <= IN_MEMORY:
            self._file.write(data)
        else:
            await asyncio.to_thread(self._write, data)

    def _write(self, data: bytes) -> None:
        with disk_errors(Path(gettempdir())):
            self._file.write(data)

    async def pieces(self) -> AsyncIterator[bytes]:
        """All of it, from the beginning."""
        self._file.seek(0)
        if self.size <= IN_MEMORY:
            yield self._file.read()
            return
        while piece := await asyncio.to_thread(self._file.read, PIECE):
            yield piece

    def close(self) -> None:
        """Forget the bytes, and remove their file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Sent(StreamingResponse):
    """An answer on its way to a client; closed in any case."""

    def __init__(self, answer: Answer, media_type: str) -> None:
        length = {"content-length": str(answer.size)}
        super().__init__(answer.pieces(), media_type=media_type, headers=length)
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._answer:
            await super().__call__(scope, receive, send)
