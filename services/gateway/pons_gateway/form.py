# SPDX-License-Identifier: Apache-2.0
"""The parts of a multipart/form-data body, one after the other and each in bounded memory."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from pons.errors import BadRequest
from pons.objects import Body, Objects
from pons_gateway.gathering import Gatherer

Event = tuple[str, bytes]


def boundary_of(content_type: str) -> bytes | None:
    """The boundary of a multipart/form-data body, None for any other type of body."""
    kind, options = parse_options_header(content_type)
    if kind.lower() != b"multipart/form-data":
        return None
    boundary = options.get(b"boundary")
    if not boundary:
        raise BadRequest("multipart/form-data without a boundary")
    return boundary


async def form_parts(
    chunks: AsyncIterator[bytes], boundary: bytes, objects: Objects, limit: int
) -> AsyncGenerator[Body]:
    """The content of each part, as soon as it is complete; whoever gets it frees it."""
    gatherer = Gatherer(objects, limit)
    complete = False
    try:
        async for kind, data in _events(chunks, boundary):
            if kind == "data":
                await gatherer.write(data)
            elif kind == "part":
                yield await gatherer.take()
                gatherer = Gatherer(objects, limit)
            else:
                complete = True
    finally:
        gatherer.__exit__()
    if not complete:
        raise BadRequest("The multipart body ends too early")


async def _events(chunks: AsyncIterator[bytes], boundary: bytes) -> AsyncIterator[Event]:
    """What the parser finds: data, the end of a part, the end of the body."""
    found: list[Event] = []
    callbacks: Any = {
        "on_part_data": lambda data, start, end: found.append(("data", data[start:end])),
        "on_part_end": lambda: found.append(("part", b"")),
        "on_end": lambda: found.append(("end", b"")),
    }
    parser = MultipartParser(boundary, callbacks)
    async for chunk in chunks:
        try:
            parser.write(chunk)
        except MultipartParseError as error:
            raise BadRequest("The multipart body is damaged", str(error)) from None
        for event in found:
            yield event
        found.clear()
