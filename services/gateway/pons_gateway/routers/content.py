# SPDX-License-Identifier: Apache-2.0
"""What is inside DICOM files: raw values, a PDF, slices in order; and a copy on the server."""

from pathlib import Path as ServerPath
from typing import Annotated

from fastapi import Depends, Path, Request, Response

from pons.catalog import StoredObject
from pons.errors import Forbidden, NotFound
from pons.objects.stored_dataset import open_dataset
from pons_gateway.backends import Backends
from pons_gateway.bodies.gathering import whole
from pons_gateway.dependencies import BackendsDep, ResourceId, StoredDep
from pons_gateway.files.raw_content import find_content, find_document, span_answer
from pons_gateway.files.server_copy import copy_file
from pons_gateway.models.content import OrderedSlices
from pons_gateway.resources.slices import ordered_slices, slices_json
from pons_gateway.responses.answers import done, json_answer, silent
from pons_gateway.responses.media_types import OCTETS, PDF, answers, takes_text
from pons_gateway.routing import Router

MAX_PATH = 4096
"""Bytes of a path of the server."""

TagPath = Annotated[
    str,
    Path(description="Path of tags and of indices of items, such as `0008-1140/0/0008-1155`."),
]

router = Router("Content", "What is inside DICOM files: raw values, a PDF, slices in order.")


@router.get(
    "/instances/{id}/content",
    summary="The tags of an instance, as a path to its values begins",
    response_model=list[str],
)
async def list_content(stored: StoredDep, backends: BackendsDep) -> Response:
    return await _content(stored, "", backends)


@router.get(
    "/instances/{id}/content/{tags:path}",
    summary="The raw bytes of a value, with their padding; or what a path can go on with: indices "
    "of items, frames or fragments, tags of an item",
    response_model=list[str],
    responses=answers(OCTETS),
)
async def content(stored: StoredDep, tags: TagPath, backends: BackendsDep) -> Response:
    """A path that leads nowhere is answered by 404 without a body."""
    return await _content(stored, tags, backends)


async def _content(stored: StoredObject, path: str, backends: Backends) -> Response:
    async with open_dataset(backends.objects, stored) as dataset:
        try:
            found = await find_content(dataset, path)
        except NotFound:
            return silent(404)
        if isinstance(found, list):
            return json_answer(found)
        return await span_answer(backends, stored, dataset, found, OCTETS)


@router.get(
    "/instances/{id}/pdf",
    summary="The PDF that an instance encapsulates",
    response_class=Response,
    responses=answers(PDF),
)
async def pdf(stored: StoredDep, backends: BackendsDep) -> Response:
    """An instance that encapsulates none is answered by 404 without a body."""
    async with open_dataset(backends.objects, stored) as dataset:
        try:
            found = await find_document(dataset, PDF)
        except NotFound:
            return silent(404)
        return await span_answer(backends, stored, dataset, found, PDF)


@router.get(
    "/series/{id}/ordered-slices",
    summary="The slices of a series in their order in space, or by their index",
    response_model=OrderedSlices,
)
async def show_ordered_slices(identifier: ResourceId, backends: BackendsDep) -> Response:
    """Slices that neither positions nor indices put in an order are answered by 500."""
    return json_answer(slices_json(*await ordered_slices(identifier, backends)))


async def may_export(backends: BackendsDep) -> None:
    """Raises `Forbidden` unless the configuration lets REST write to paths of the server."""
    if not backends.settings.http.allow_export:
        raise Forbidden("REST does not write to paths of the server", "see http.allow_export")


@router.post(
    "/instances/{id}/export",
    summary="Write the DICOM file to a path of the server, where `http.allow_export` lets REST "
    "do so",
    dependencies=[Depends(may_export)],
    response_class=Response,
    openapi_extra=takes_text("The absolute path.", "/mnt/exchange/image.dcm"),
)
async def export(request: Request, stored: StoredDep, backends: BackendsDep) -> Response:
    """What is there already is overwritten."""
    path = (await whole(request, MAX_PATH)).decode("utf-8", "replace").strip()
    await copy_file(stored, ServerPath(path), backends)
    return done()
