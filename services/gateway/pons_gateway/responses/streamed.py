# SPDX-License-Identifier: Apache-2.0
"""Stored bytes as an answer that comes in pieces: it is whole, or the connection breaks."""

from collections.abc import AsyncIterator
from typing import TypeVar

import structlog
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from pons.errors import PonsError, log_text
from pons.objects.damage import notice

log = structlog.get_logger()

Piece = TypeVar("Piece")


class Streamed(StreamingResponse):
    """An answer of known length, made of pieces that may turn out to be damaged."""

    def __init__(
        self, pieces: AsyncIterator[bytes], length: int, status: int, *headers: tuple[bytes, bytes]
    ) -> None:
        super().__init__(pieces, status)
        self.raw_headers = [
            *headers,
            (b"content-length", b"%d" % length),
            (b"x-content-type-options", b"nosniff"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except PonsError as error:
            # The server breaks the connection of an answer that is not completed.
            notice(error)
            log.warning("answer broken off", path=scope["path"], reason=log_text(error))


async def begun(pieces: AsyncIterator[Piece]) -> AsyncIterator[Piece]:
    """The same pieces; raises what the first of them raises, while the status can still tell."""
    return resumed(await anext(pieces, None), pieces)


async def resumed(first: Piece | None, others: AsyncIterator[Piece]) -> AsyncIterator[Piece]:
    """The first piece, if there is one, and the others."""
    if first is not None:
        yield first
    async for piece in others:
        yield piece
