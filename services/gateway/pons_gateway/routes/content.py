# SPDX-License-Identifier: Apache-2.0
"""What is inside a DICOM file: single values as they are written there, and its PDF."""

from starlette.requests import Request
from starlette.responses import Response

from pons.catalog import StoredObject
from pons.errors import NotFound
from pons.stored_dataset import open_dataset
from pons_gateway.answers import json_answer, silent
from pons_gateway.backends import Backends
from pons_gateway.raw_content import find_content, span_answer
from pons_gateway.routing import Group

OCTETS = "application/octet-stream"
PDF = "application/pdf"
ENCAPSULATED_DOCUMENT, MEDIA_TYPE_OF_DOCUMENT = "00420011", "00420012"

GROUP = Group("Content", "Single values of a DICOM file, as they are written there.")


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


async def _stored(request: Request, backends: Backends) -> StoredObject:
    stored = await backends.catalog.find_object(request.path_params["id"])
    if stored is None:
        raise NotFound("Unknown resource")
    return stored
