# SPDX-License-Identifier: Apache-2.0
"""Parts of several files as one body, as accelerated transfers fetch them."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal

from fastapi import Response

from pons.objects import Objects
from pons.objects.bodies import freed, read_body, size_of
from pons.objects.gzip import gzip_body
from pons.objects.spool import Spool
from pons.objects.stored_file import StoredFile, stream_file
from pons_gateway.responses.answers import Answer
from pons_gateway.responses.media_types import OCTETS
from pons_gateway.responses.streamed import Streamed, begun

GZIP_TYPE = b"application/gzip"


@dataclass(frozen=True, slots=True)
class Part:
    """A range of a file."""

    stored: StoredFile
    start: int
    length: int


def parts_of(files: Sequence[StoredFile], offset: int, size: int) -> list[Part]:
    """`size` bytes (0: all) from `offset` on of all the files, as if they were one."""
    left = size or sum(file.size for file in files)
    parts = []
    for file in files:
        length = min(file.size - offset, left)
        if length > 0:
            parts.append(Part(file, offset, length))
            left -= length
        offset = max(offset - file.size, 0)
    return parts


async def bucket_answer(
    objects: Objects, parts: Sequence[Part], compression: Literal["gzip", "none"]
) -> Response:
    """The parts one after the other, in gzip where that is asked for.

    Raises `DamagedObject` before anything is sent, where the first part shows it; the answer is
    broken off where a later one does.
    """
    length = sum(part.length for part in parts)
    pieces = _pieces(objects, parts)
    if compression == "none":
        return Streamed(await begun(pieces), length, 200, (b"content-type", OCTETS.encode()))
    body = await gzip_body(objects, pieces, length)
    if not isinstance(body, Spool):
        return Answer(bytes(body), 200, (b"content-type", GZIP_TYPE))
    return Streamed(_freeing(body), size_of(body), 200, (b"content-type", GZIP_TYPE))


async def _pieces(objects: Objects, parts: Sequence[Part]) -> AsyncIterator[bytes]:
    for part in parts:
        async for piece in stream_file(objects, part.stored, part.start, part.length):
            yield piece


async def _freeing(body: Spool) -> AsyncIterator[bytes]:
    with freed(body):
        async for piece in read_body(body):
            yield piece
