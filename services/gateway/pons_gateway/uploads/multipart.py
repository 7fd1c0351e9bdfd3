# SPDX-License-Identifier: Apache-2.0
"""The parts of a multipart/form-data body, one after the other and each in bounded memory.

Of a part only its content matters here. As Orthanc does, this takes spaces wherever a client puts
them, and a body whose last delimiter lacks its final hyphens.
"""

from collections.abc import AsyncGenerator, AsyncIterator

from pons.errors import BadRequest
from pons.objects import SPOOL_ABOVE, Body, Objects
from pons_gateway.bodies.gathering import Gatherer

MAX_HEADERS = 16 * 1024
HEADERS_END = b"\r\n\r\n"


def boundary_of(content_type: str) -> bytes | None:
    """The boundary of a multipart/form-data body, None for any other type of body."""
    kind, *options = content_type.split(";")
    if kind.strip().lower() != "multipart/form-data":
        return None
    for option in options:
        name, _, value = option.partition("=")
        boundary = value.strip().strip('"')
        if name.strip().lower() == "boundary" and boundary:
            return boundary.encode("latin1", "replace")
    raise BadRequest("multipart/form-data without a boundary")


async def form_parts(
    chunks: AsyncIterator[bytes],
    boundary: bytes,
    objects: Objects,
    limit: int,
    spool_above: int = SPOOL_ABOVE,
) -> AsyncGenerator[Body]:
    """The content of each part, as soon as it is complete; whoever gets it frees it.

    Raises `BadRequest` for a body that is cut short, or is none of this kind.
    """
    # The body as if a line had ended before it: every delimiter then looks alike.
    reader = _Reader(chunks, b"\r\n")
    delimiter = b"\r\n--" + boundary
    async for _ in reader.until(delimiter):
        pass  # what precedes the first part is nobody's
    while await reader.goes_on():
        await reader.skip_headers()
        gatherer = Gatherer(objects, limit, spool_above)
        try:
            async for piece in reader.until(delimiter):
                await gatherer.write(piece)
            yield await gatherer.take()
        finally:
            gatherer.__exit__()


class _Reader:
    """The body, read up to one mark after the other."""

    def __init__(self, chunks: AsyncIterator[bytes], beginning: bytes) -> None:
        self._chunks = chunks
        self._buffer = bytearray(beginning)

    async def until(self, mark: bytes) -> AsyncIterator[bytearray]:
        """What comes before `mark`, in pieces that are the caller's; reading goes on after it."""
        while (found := self._buffer.find(mark)) < 0:
            sure = len(self._buffer) - len(mark) + 1
            if sure > 0:
                yield self._buffer[:sure]
                del self._buffer[:sure]
            if not await self._more():
                raise BadRequest("The multipart body ends too early")
        if found:
            yield self._buffer[:found]
        del self._buffer[: found + len(mark)]

    async def goes_on(self) -> bool:
        """Whether another part follows the delimiter that was just read."""
        while len(self._buffer) < 2 and await self._more():
            pass
        return len(self._buffer) >= 2 and self._buffer[:2] != b"--"

    async def skip_headers(self) -> None:
        size = 0
        async for piece in self.until(HEADERS_END):
            size += len(piece)
            if size > MAX_HEADERS:
                raise BadRequest(f"A part's headers have more than {MAX_HEADERS} bytes")

    async def _more(self) -> bool:
        chunk = await anext(self._chunks, None)
        if chunk is None:
            return False
        self._buffer += chunk
        return True
