# SPDX-License-Identifier: Apache-2.0
"""A stored file as an answer: whole, or the part of it that is asked for."""

from fastapi import Request, Response

from pons.objects import PIECE, Objects
from pons.objects.stored_file import StoredFile, read_file_range, stream_file
from pons_gateway.files.ranges import range_of
from pons_gateway.responses.answers import Answer
from pons_gateway.responses.disposition import content_disposition
from pons_gateway.responses.streamed import Streamed, begun

BINARY = "application/octet-stream"


async def file_answer(
    request: Request, objects: Objects, stored: StoredFile, size: int, kind: str, filename: str
) -> Response:
    """The file of `size` bytes and of media type `kind`; what is large comes in pieces.

    A part is no file of that type. Raises `BadRange`, and `DamagedObject` before anything is sent.
    """
    part = range_of(request, size)
    first, length = (part.first, part.length) if part else (0, size)
    headers = [(b"content-type", (BINARY if part else kind).encode())]
    if part:
        headers.append((b"content-range", part.header))
    if filename:
        headers.append((b"content-disposition", content_disposition(filename).encode()))
    status = 206 if part else 200
    if length <= PIECE:
        content = await read_file_range(objects, stored, first, length) if length else b""
        return Answer(content, status, *headers)
    pieces = await begun(stream_file(objects, stored, first, length))
    return Streamed(pieces, length, status, *headers)
