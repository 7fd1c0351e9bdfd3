# SPDX-License-Identifier: Apache-2.0
"""Searching the store by tags, metadata, labels or DICOM identifiers; many resources at once."""

from typing import Annotated

from fastapi import Depends, Request, Response

from pons_gateway.bodies.gathering import whole
from pons_gateway.dependencies import BackendsDep
from pons_gateway.models.find import BulkContent, Count, CountRequest, FindRequest, Found
from pons_gateway.models.resources import AnyResource
from pons_gateway.resources.resource_json import objects_of, path_of
from pons_gateway.resources.searches import bulk_shape, count_search, find_search, find_shape
from pons_gateway.responses.answers import json_answer, json_list
from pons_gateway.responses.media_types import takes_text
from pons_gateway.responses.wanted import while_wanted
from pons_gateway.routing import Router

MAX_IDENTIFIER = 64 * 1024
"""Bytes of a body that is one identifier."""
router = Router("Find", "Search by tags, metadata and labels, and read many resources at once.")


async def dicom_identifier(request: Request) -> str:
    """The body's text; what is no UTF-8 is no identifier of anything. Raises `TooLarge`."""
    return (await whole(request, MAX_IDENTIFIER)).decode("utf-8", "replace")


@router.post(
    "/tools/find",
    summary="Find resources by tags, metadata, labels or parent, and sort them",
    response_model=list[str] | list[AnyResource],
)
async def find(body: FindRequest, backends: BackendsDep, request: Request) -> Response:
    """Identifiers, or objects with `Expand` or `ResponseContent`."""
    names = backends.metadata_names
    search = find_search(body, names, backends.settings)
    if not body.Expand and body.ResponseContent is None:
        return await while_wanted(request, json_list(backends.catalog.search_ids(search)))
    shape = find_shape(body)
    pages = backends.catalog.search(search, shape.fields)
    return await while_wanted(request, json_list(objects_of(pages, shape, names)))


@router.post(
    "/tools/count-resources",
    summary="Count what `/tools/find` would find, without its limits",
    response_model=Count,
)
async def count_resources(body: CountRequest, backends: BackendsDep) -> Response:
    """Takes the same body; what shapes and limits answers is ignored."""
    search = count_search(body, backends.metadata_names)
    return json_answer({"Count": await backends.catalog.count(search)})


@router.post(
    "/tools/lookup",
    summary="Find resources by a PatientID, StudyInstanceUID, SeriesInstanceUID or SOPInstanceUID",
    response_model=list[Found],
    openapi_extra=takes_text("The identifier.", "1.2.3"),
)
async def lookup(
    identifier: Annotated[str, Depends(dicom_identifier)], backends: BackendsDep
) -> Response:
    """The resources that have this DICOM identifier at any level; none is no error."""
    return json_answer(
        [
            {"Type": level, "ID": found, "Path": path_of(level, found)}
            for level, found in await backends.catalog.look_up(identifier)
        ]
    )


@router.post(
    "/tools/bulk-content",
    summary="Show many resources, or what they belong to, or what they have below, at once",
    response_model=list[AnyResource],
)
async def bulk_content(body: BulkContent, backends: BackendsDep) -> Response:
    """Objects with their metadata; identifiers of nothing are passed over."""
    shape = bulk_shape(body)
    pages = backends.catalog.bulk(body.Resources, body.Level, shape.fields)
    return await json_list(objects_of(pages, shape, backends.metadata_names))


@router.get(
    "/tools/labels", summary="List every label that some resource has", response_model=list[str]
)
async def all_labels(backends: BackendsDep) -> Response:
    """In ascending order, each once."""
    return json_answer(await backends.catalog.all_labels())
