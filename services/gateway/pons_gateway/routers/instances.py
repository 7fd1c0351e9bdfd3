# SPDX-License-Identifier: Apache-2.0
"""Instances come in, and go out as files."""

import asyncio

from fastapi import Depends, Request, Response

from pons.http.accept import weights
from pons_gateway.datasets.native_model import native_model, to_json, to_xml
from pons_gateway.dependencies import resource_id
from pons_gateway.files.file_answer import dicom_file
from pons_gateway.models.instances import FileQuery, StoredInstance
from pons_gateway.query import documented, read_query
from pons_gateway.responses.answers import Answer, done, json_answer
from pons_gateway.responses.media_types import DICOM, ZIP, answers, takes
from pons_gateway.routing import Router, writes
from pons_gateway.uploads.upload import store_upload

NATIVE = {"application/dicom+json": to_json, "application/dicom+xml": to_xml}
"""What `Accept` may ask for instead of a file, and what writes it."""

router = Router("DICOM files", "Send files to the store, get them back.")


@router.lean(
    "/instances",
    method="POST",
    summary="Store a DICOM file, a ZIP of many, a gzip of one, or a form with any of them",
    response_model=StoredInstance | list[StoredInstance],
    openapi_extra=takes(DICOM, ZIP, "multipart/form-data"),
)
@writes
async def upload(request: Request) -> Response:
    """A ZIP is answered by an array of what was stored, a form by nothing.

    What is no DICOM file is refused, except inside a ZIP, where it is passed over. Images of ZIPs
    in a ZIP are stored as well.
    """
    stored = await store_upload(request, request.app.state.backends)
    return done() if stored is None else json_answer(stored)


@router.lean(
    "/instances/{id}/file",
    summary="The DICOM file as it was received, or what is in it as `application/dicom+json` or "
    "`application/dicom+xml`, as `Accept` says",
    dependencies=[Depends(resource_id), documented(FileQuery)],
    response_class=Response,
    responses=answers(DICOM, *NATIVE),
)
async def file(request: Request) -> Response:
    """The file is sent in the transfer syntax in which it is stored."""
    identifier, backends = request.path_params["id"], request.app.state.backends
    if "dicom+" in (accept := request.headers.get("accept", "").lower()):
        accepted = dict(weights(accept))
        for media_type, write in NATIVE.items():
            if accepted.get(media_type, 0.0) > 0:
                model = await native_model(identifier, backends)
                body = await asyncio.to_thread(write, model)
                return Answer(body, 200, (b"content-type", media_type.encode()))
    asked = read_query(request, FileQuery)
    name = asked.filename or f"{identifier}.dcm"
    return await dicom_file(identifier, name, backends, syntax=asked.transcode)
