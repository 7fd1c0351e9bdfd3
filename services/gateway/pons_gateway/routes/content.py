# SPDX-License-Identifier: Apache-2.0
"""What is inside DICOM files: raw values, a PDF, slices in order; and a copy on the server."""

import asyncio
import shutil
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from pons.catalog import StoredObject
from pons.errors import BadRequest, Forbidden, NotFound
from pons.objects.stored_dataset import open_dataset
from pons.objects.stored_file import local_file
from pons_gateway.answers import done, json_answer, silent
from pons_gateway.backends import Backends
from pons_gateway.gathering import whole
from pons_gateway.legacy import TEXT, Group
from pons_gateway.raw_content import find_content, span_answer
from pons_gateway.routes.resources import ID
from pons_gateway.slices import ordered_slices

OCTETS = "application/octet-stream"
MAX_PATH = 4096
PDF = "application/pdf"
ENCAPSULATED_DOCUMENT, MEDIA_TYPE_OF_DOCUMENT = "00420011", "00420012"

GROUP = Group("Content", "What is inside DICOM files: raw values, a PDF, slices in order.")


async def content(request: Request, backends: Backends) -> Response:
    stored = await _stored(request, backends)
    path = request.path_params.get("tags", "")
    async with open_dataset(backends.objects, stored) as dataset:
        try:
            found = await find_content(dataset, path)
        except NotFound:
            return silent(404)
        if isinstance(found, list):
            return json_answer(found)
        return await span_answer(backends, stored, dataset, found, OCTETS)


GROUP.add(
    "GET",
    "/instances/{id}/content",
    content,
    "The tags of an instance, as a path to its values begins",
    example=["0008-0005", "0008-1140", "7fe0-0010"],
)
GROUP.add(
    "GET",
    "/instances/{id}/content/{tags...}",
    content,
    "The raw bytes of a value, with their padding; or what a path can go on with: indices of "
    "items, frames or fragments, tags of an item",
    gives=OCTETS,
)


@GROUP.get("/instances/{id}/pdf", "The PDF that an instance encapsulates", gives=PDF)
async def pdf(request: Request, backends: Backends) -> Response:
    stored = await _stored(request, backends)
    async with open_dataset(backends.objects, stored) as dataset:
        try:
            kind = await find_content(dataset, MEDIA_TYPE_OF_DOCUMENT)
            found = await find_content(dataset, ENCAPSULATED_DOCUMENT)
        except NotFound:
            return silent(404)
        if isinstance(kind, list) or isinstance(found, list):
            return silent(404)
        name = await dataset.read_range(kind.start, min(kind.length, len(PDF) + 2))
        if name.strip(b" \0") != PDF.encode():
            return silent(404)
        return await span_answer(backends, stored, dataset, found, PDF)


@GROUP.get(
    "/series/{id}/ordered-slices",
    "The slices of a series in their order in space, or by their index",
    example={
        "Type": "Volume",
        "Dicom": [f"/instances/{ID}/file"],
        "Slices": [f"/instances/{ID}/frames/0"],
        "SlicesShort": [[ID, 0, 1]],
    },
)
async def show_ordered_slices(request: Request, backends: Backends) -> Response:
    is_volume, slices = await ordered_slices(request.path_params["id"], backends)
    return json_answer(
        {
            "Type": "Volume" if is_volume else "Sequence",
            "Dicom": [f"/instances/{one.instance_id}/file" for one in slices],
            "Slices": [
                f"/instances/{one.instance_id}/frames/{frame}"
                for one in slices
                for frame in range(one.frames)
            ],
            "SlicesShort": [[one.instance_id, 0, one.frames] for one in slices],
        }
    )


@GROUP.post(
    "/instances/{id}/export",
    "Write the DICOM file to a path of the server, where `http.allow_export` lets REST do so",
    takes=TEXT,
    body="/mnt/exchange/image.dcm",
    gives="",
)
async def export(request: Request, backends: Backends) -> Response:
    if not backends.settings.http.allow_export:
        raise Forbidden("REST does not write to paths of the server", "see http.allow_export")
    stored = await _stored(request, backends)
    path = Path((await whole(request, MAX_PATH)).decode("utf-8", "replace").strip())
    if not path.is_absolute() or "\0" in str(path):
        raise BadRequest("The body is the absolute path of a file to write")
    try:
        async with local_file(backends.objects, stored) as source:
            await asyncio.to_thread(shutil.copyfile, source, path)
    except OSError as error:
        raise BadRequest(f"{path} cannot be written", error.strerror or "") from error
    return done()


async def _stored(request: Request, backends: Backends) -> StoredObject:
    stored = await backends.catalog.find_object(request.path_params["id"])
    if stored is None:
        raise NotFound("Unknown resource")
    return stored
