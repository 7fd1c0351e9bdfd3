# SPDX-License-Identifier: Apache-2.0
"""The DICOM file of an instance as an answer, in bounded memory."""

from starlette.responses import Response

from pons.errors import BadRequest, NotFound
from pons.objects import PIECE
from pons.objects.stored_file import read_file, stream_file
from pons_gateway.backends import Backends
from pons_gateway.responses.answers import Answer
from pons_gateway.responses.disposition import content_disposition
from pons_gateway.responses.media_types import DICOM
from pons_gateway.responses.streamed import Streamed, begun


async def dicom_file(
    instance_id: str, name: str, backends: Backends, *, syntax: str | None = None
) -> Response:
    """The file, for browsers under `name`.

    Raises `NotFound`, `DamagedObject`, and `BadRequest` where it has another transfer syntax than
    `syntax`.
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
    headers = ((b"content-type", DICOM.encode()), (b"content-disposition", disposition.encode()))
    if stored.size <= PIECE:
        return Answer(await read_file(backends.objects, stored), 200, *headers)
    pieces = await begun(stream_file(backends.objects, stored))
    return Streamed(pieces, stored.size, 200, *headers)
