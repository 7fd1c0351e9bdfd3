# SPDX-License-Identifier: Apache-2.0
"""An archive as an answer: sent while it is made, or made first, and closed in any case."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import structlog
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from pons.errors import PonsError, log_text
from pons.jobs import ArchiveRequest
from pons.objects import PIECE, Objects, Spool
from pons.objects.bodies import fill
from pons.objects.damage import notice
from pons_render.archive.job import ZIP
from pons_render.archive.stream import Archives

log = structlog.get_logger()


class Streamed(StreamingResponse):
    """Closes what it sends from as soon as the client has gone, also before it has begun."""

    def __init__(
        self, pieces: AsyncGenerator[bytes], source: AsyncGenerator[bytes] | Spool, **options: Any
    ) -> None:
        super().__init__(pieces, media_type=ZIP, **options)
        self._pieces = pieces
        self._source = source

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except PonsError as error:
            notice(error)
            # The answer has begun: that the server breaks the connection of one that is not
            # completed is all that tells the client that its ZIP is not whole.
            log.warning("archive broken off", reason=log_text(error))
        finally:
            await self._pieces.aclose()
            if isinstance(self._source, Spool):
                self._source.close()
            else:
                await self._source.aclose()


async def send_archive(
    archives: Archives, objects: Objects, asked: ArchiveRequest, *, stream: bool
) -> Response:
    """The answer; without `stream`, the ZIP is made before it begins.

    Raises what can be told before that.
    """
    pieces = _in_turn(archives, asked)
    return await (_streamed(pieces) if stream else _made(pieces, objects))


async def _in_turn(archives: Archives, asked: ArchiveRequest) -> AsyncGenerator[bytes]:
    """The ZIP, once there is a place for it. Raises `Unavailable` when there is none for long."""
    async with archives.places.place():
        archive = await archives.open(asked)
        async with aclosing(archive.pieces()) as pieces:
            async for piece in pieces:
                yield piece


async def _streamed(pieces: AsyncGenerator[bytes]) -> Response:
    """Raises what the first piece raises, while the status can still tell."""
    first = await anext(pieces)
    return Streamed(_going_on(first, pieces), pieces)


async def _going_on(first: bytes, pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    yield first
    async for piece in pieces:
        yield piece


async def _made(pieces: AsyncGenerator[bytes], objects: Objects) -> Response:
    async with aclosing(pieces):
        spool = await fill(objects.spool(), pieces)
    return Streamed(_from_spool(spool), spool, headers={"content-length": str(spool.size)})


async def _from_spool(spool: Spool) -> AsyncGenerator[bytes]:
    with spool.path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
