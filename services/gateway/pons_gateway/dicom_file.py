# SPDX-License-Identifier: Apache-2.0
"""The DICOM file of an instance as an answer, in bounded memory."""

from starlette.responses import Response, StreamingResponse

from pons.errors import BadRequest, NotFound
from pons.objects import PIECE
from pons.stored_file import read_file, stream_file
from pons_gateway.answers import Answer
from pons_gateway.backends import Backends
from pons_gateway.disposition import content_disposition

DICOM = "application/dicom"


async def dicom_file(
    instance_id: str, name: str, backends: Backends, *, syntax: str | None = None
) -> Response:
    """The file, for browsers under `name`.

    Raises `NotFound`, and `BadRequest` where it has another transfer syntax than `syntax`.
    """
    stored = await backends.catalog.find_object(instance_id)
    if stored is None:
        raise NotFound("Unknown resource")
    if syntax is not None and syntax != stored.transfer_syntax:
        raise BadRequest(
            f"transcode: this store cannot transcode files to {syntax!r}",
            f"leave it out to get the file as it is stored, in {stored.transfer_syntax}",
        )
    disposition = content_disposition(name)
    if stored.size <= PIECE:
        content = await read_file(backends.objects, stored)
        headers = (
            (b"content-type", DICOM.encode()),
            (b"content-disposition", disposition.encode()),
        )
        return Answer(content, 200, *headers)
    # while the status can still tell that it is gone
    await backends.objects.size(stored.object_key)
    return StreamingResponse(
        stream_file(backends.objects, stored),
        media_type=DICOM,
        headers={
            "content-length": str(stored.size),
            "content-disposition": disposition,
            "x-content-type-options": "nosniff",
        },
    )
