# SPDX-License-Identifier: Apache-2.0
"""Archives and media: instances in a ZIP, at once or as a job; render makes them."""

from typing import Annotated, Any

from fastapi import Body, Query, Response

from pons_gateway.backends import Backends
from pons_gateway.dependencies import BackendsDep, ResourceId
from pons_gateway.models.archives import (
    ArchiveQuery,
    ArchiveRequest,
    Identifiers,
    MediaQuery,
    ResourcesArchiveRequest,
)
from pons_gateway.models.jobs import SubmittedJob
from pons_gateway.render.archives import archive_answer
from pons_gateway.responses.media_types import ZIP, answers
from pons_gateway.routing import LevelRouter, Router

TITLE = "Archives and media"
DESCRIPTION = (
    "Instances in a ZIP, sent while it is made, or made by a job that keeps it for a while. "
    "With `Asynchronous` a POST answers with the job, whose ZIP is at `/jobs/{id}/archive`."
)
ARCHIVE = "a ZIP with a folder for each patient, study and series"
MEDIA = "a ZIP with a DICOMDIR, ready for a CD"
EXTENDED = "as `create-media`, with optional attributes in the DICOMDIR"
GIVES_ZIP: dict[str, Any] = {"response_class": Response, "responses": answers(ZIP)}
GIVES_ZIP_OR_JOB: dict[str, Any] = {"response_model": SubmittedJob, "responses": answers(ZIP)}

Named = Annotated[
    Identifiers, Query(description="Orthanc identifiers of any level, separated by `,`.")
]
ArchiveAsked = Annotated[ArchiveQuery, Query()]
MediaAsked = Annotated[MediaQuery, Query()]
Options = Annotated[ArchiveRequest, Body(default_factory=ArchiveRequest)]
"""A body that may be missing."""

router = Router(TITLE, DESCRIPTION)
levels = LevelRouter(TITLE, DESCRIPTION, levels=("Patient", "Study", "Series"))


@levels.get("/{id}/archive", summary=f"Get a {{level}} as {ARCHIVE}", **GIVES_ZIP)
async def get_archive(
    identifier: ResourceId, asked: ArchiveAsked, backends: BackendsDep
) -> Response:
    """Files are in it as they are stored."""
    return await _of_one(identifier, asked.as_body(), backends)


@levels.post("/{id}/archive", summary=f"Get a {{level}} as {ARCHIVE}", **GIVES_ZIP_OR_JOB)
async def post_archive(identifier: ResourceId, asked: Options, backends: BackendsDep) -> Response:
    """Files are in it as they are stored."""
    return await _of_one(identifier, asked, backends)


@levels.get("/{id}/media", summary=f"Get a {{level}} as {MEDIA}", **GIVES_ZIP)
async def get_media(identifier: ResourceId, asked: MediaAsked, backends: BackendsDep) -> Response:
    """Files are in it as they are stored."""
    return await _of_one(identifier, asked.as_body(), backends, media=True)


@levels.post("/{id}/media", summary=f"Get a {{level}} as {MEDIA}", **GIVES_ZIP_OR_JOB)
async def post_media(identifier: ResourceId, asked: Options, backends: BackendsDep) -> Response:
    """Files are in it as they are stored."""
    return await _of_one(identifier, asked, backends, media=True)


@router.get("/tools/create-archive", summary=f"Get any resources as {ARCHIVE}", **GIVES_ZIP)
async def get_archive_of(resources: Named, asked: ArchiveAsked, backends: BackendsDep) -> Response:
    """Files are in it as they are stored."""
    return await _of_many(resources, asked.as_body(), backends)


@router.post("/tools/create-archive", summary=f"Get any resources as {ARCHIVE}", **GIVES_ZIP_OR_JOB)
async def post_archive_of(asked: ResourcesArchiveRequest, backends: BackendsDep) -> Response:
    """Files are in it as they are stored."""
    return await _of_many(asked.Resources, asked, backends)


@router.get("/tools/create-media", summary=f"Get any resources as {MEDIA}", **GIVES_ZIP)
async def get_media_of(resources: Named, asked: MediaAsked, backends: BackendsDep) -> Response:
    """Files are in it as they are stored."""
    return await _of_many(resources, asked.as_body(), backends, media=True)


@router.post("/tools/create-media", summary=f"Get any resources as {MEDIA}", **GIVES_ZIP_OR_JOB)
async def post_media_of(asked: ResourcesArchiveRequest, backends: BackendsDep) -> Response:
    """Files are in it as they are stored."""
    return await _of_many(asked.Resources, asked, backends, media=True)


@router.get("/tools/create-media-extended", summary=f"Get any resources {EXTENDED}", **GIVES_ZIP)
async def get_extended_media_of(
    resources: Named, asked: MediaAsked, backends: BackendsDep
) -> Response:
    """Files are in it as they are stored."""
    return await _of_many(resources, asked.as_body(), backends, media=True, extended=True)


@router.post(
    "/tools/create-media-extended", summary=f"Get any resources {EXTENDED}", **GIVES_ZIP_OR_JOB
)
async def post_extended_media_of(asked: ResourcesArchiveRequest, backends: BackendsDep) -> Response:
    """Files are in it as they are stored."""
    return await _of_many(asked.Resources, asked, backends, media=True, extended=True)


async def _of_one(
    identifier: str, asked: ArchiveRequest, backends: Backends, *, media: bool = False
) -> Response:
    utf8 = backends.settings.archive.utf8
    order = asked.order([identifier], f"{identifier}.zip", utf8=utf8, media=media)
    return await archive_answer(order, backends)


async def _of_many(
    resources: list[str], asked: ArchiveRequest, backends: Backends, **kind: bool
) -> Response:
    utf8 = backends.settings.archive.utf8
    order = asked.order(resources, "Archive.zip", utf8=utf8, **kind)
    return await archive_answer(order, backends)
