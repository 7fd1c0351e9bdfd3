# SPDX-License-Identifier: Apache-2.0
"""Instances come in, and go out as files."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from pons_gateway.answers import Answer, done, json_answer
from pons_gateway.backends import Backends
from pons_gateway.dicom_file import DICOM, dicom_file
from pons_gateway.legacy import Group
from pons_gateway.native_model import native_model, to_json, to_xml
from pons_gateway.parameters import Text
from pons_gateway.routes.resources import ANOTHER, ID
from pons_gateway.uploads import store_upload

FILENAME = Text("filename", "Name under which browsers save the file.")
TRANSCODE = Text("transcode", "Transfer syntax of the file; any but the one stored is refused.")

NATIVE = {"application/dicom+json": to_json, "application/dicom+xml": to_xml}

GROUP = Group("DICOM files", "Send files to the store, get them back.")


@GROUP.post(
    "/instances",
    "Store a DICOM file, a ZIP of many, a gzip of one, or a form with any of them",
    takes=DICOM,
    example={
        "ID": ID,
        "ParentPatient": ANOTHER,
        "ParentSeries": ANOTHER,
        "ParentStudy": ANOTHER,
        "Path": f"/instances/{ID}",
        "Status": "Success",
    },
    writes=True,
)
async def upload(request: Request, backends: Backends) -> Response:
    stored = await store_upload(request, backends)
    return done() if stored is None else json_answer(stored)


@GROUP.get(
    "/instances/{id}/file",
    "The DICOM file as it was received, or what is in it as `application/dicom+json` or "
    "`application/dicom+xml`, as `Accept` says",
    query=(FILENAME, TRANSCODE),
    gives=DICOM,
)
async def file(request: Request, backends: Backends) -> Response:
    identifier, accepted = request.path_params["id"], request.headers.get("accept", "")
    for media_type, write in NATIVE.items():
        if media_type in accepted:
            model = await native_model(identifier, backends)
            body = await asyncio.to_thread(write, model)
            return Answer(body, 200, (b"content-type", media_type.encode()))
    name = FILENAME.text(request) or f"{identifier}.dcm"
    return await dicom_file(identifier, name, backends, syntax=TRANSCODE.text(request))
