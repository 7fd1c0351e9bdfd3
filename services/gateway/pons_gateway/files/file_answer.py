# SPDX-License-Identifier: Apache-2.0
"""A stored file as an answer: whole, or the part of it that is asked for."""

from fastapi import Response

from pons.errors import BadRequest
from pons.objects import PIECE, Objects
from pons.objects.stored_file import StoredFile, read_file_range, stream_file
from pons_gateway.backends import Backends
from pons_gateway.errors import known
from pons_gateway.files.ranges import Range
from pons_gateway.responses.answers import Answer
from pons_gateway.responses.disposition import content_disposition
from pons_gateway.responses.media_types import DICOM, OCTETS
from pons_gateway.responses.streamed import Streamed, begun


async def dicom_file(
    instance_id: str, filename: str, backends: Backends, *, syntax: str | None = None
) -> Response:
    """The DICOM file of an instance.

    Raises `NotFound`, `DamagedObject`, and `BadRequest` where it has another transfer syntax than
    `syntax`.
    """
    stored = known(await backends.catalog.find_object(instance_id))
    if syntax is not None and syntax != stored.transfer_syntax:
        raise BadRequest(
            f"transcode: this store cannot transcode files to {syntax!r}",
            f"leave it out to get the file as it is stored, in {stored.transfer_syntax}",
        )
    return await file_answer(backends.objects, stored, stored.size, DICOM, filename)


async def file_answer(
    objects: Objects,
    stored: StoredFile,
    size: int,
    media_type: str,
    filename: str,
    part: Range | None = None,
) -> Response:
    """The file of `size` bytes, for browsers under `filename`; what is large comes in pieces.

    A part is no file of that type. Raises `DamagedObject` before anything is sent.
    """
    first, length = (part.first, part.length) if part else (0, size)
    headers = [(b"content-type", (OCTETS if part else media_type).encode())]
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
