# SPDX-License-Identifier: Apache-2.0
"""What the store keeps and may throw away, and reading again what it keeps."""

from typing import Annotated

from fastapi import Body, Response

from pons.errors import BadRequest
from pons.messages.index import ProtectPatient, Reconstruct
from pons.messages.services import Done
from pons_gateway.bodies.text import FlagBody
from pons_gateway.dependencies import BackendsDep, DeleterDep, LevelDep, ResourceId
from pons_gateway.models.storage import BulkDelete, ReconstructResource, ReconstructStore
from pons_gateway.resources.long_commands import delete_resources, reconstruct
from pons_gateway.responses.answers import done, text_answer
from pons_gateway.responses.media_types import NO_BODY, gives_text, takes_text
from pons_gateway.routing import LevelRouter, Router, writes

router = Router("Storage", "What the store keeps, and what it may throw away.")
levels = LevelRouter("Reconstruction", "Reading again the files of resources.")


@router.get(
    "/patients/{id}/protected",
    summary="Whether a patient is protected from being recycled when the store is full",
    **gives_text("0"),
)
async def protected(identifier: ResourceId, backends: BackendsDep) -> Response:
    """1 or 0. An unknown patient is a bad request, as in Orthanc."""
    patient = await backends.catalog.find("Patient", identifier)
    if patient is None:
        raise BadRequest("There is no such patient")
    return text_answer("1" if patient.protected else "0")


@router.put(
    "/patients/{id}/protected",
    summary="Protect a patient (1), or put it at the end of the queue of those to recycle (0)",
    openapi_extra=takes_text("1 or true, 0 or false.", "1"),
    **NO_BODY,
)
@writes
async def protect(identifier: ResourceId, flag: FlagBody, backends: BackendsDep) -> Response:
    """Protection is not against deletion by clients. An unknown patient is a bad request."""
    await backends.ask("index", ProtectPatient(identifier, flag), Done)
    return done()


@router.post(
    "/tools/bulk-delete",
    summary="Delete resources of any levels with everything below them",
    **NO_BODY,
)
@writes
async def bulk_delete(body: BulkDelete, by: DeleterDep, backends: BackendsDep) -> Response:
    """Unknown resources are passed over."""
    await delete_resources(body.names(), backends.ask, by)
    return done()


@levels.post(
    "/{id}/reconstruct",
    summary="Read the files of a {level} again, and rebuild its tags and those above it",
    **NO_BODY,
)
@writes
async def reconstruct_resource(
    level: LevelDep,
    identifier: ResourceId,
    backends: BackendsDep,
    body: Annotated[ReconstructResource, Body(default_factory=ReconstructResource)],
) -> Response:
    """Metadata, labels and attachments stay. Answered when it is done; who hangs up ends it."""
    asked = Reconstruct(
        level,
        identifier,
        rewrite=body.ReconstructFiles,
        level_only=body.LimitToThisLevelMainDicomTags,
    )
    await reconstruct(asked, backends.ask)
    return done()


@router.post(
    "/tools/reconstruct",
    summary="Read every file of the store again, and rebuild all tags: takes long",
    **NO_BODY,
)
@writes
async def reconstruct_store(
    backends: BackendsDep,
    body: Annotated[ReconstructStore, Body(default_factory=ReconstructStore)],
) -> Response:
    """Metadata, labels and attachments stay. Answered when it is done; who hangs up ends it."""
    await reconstruct(Reconstruct(rewrite=body.ReconstructFiles), backends.ask)
    return done()


@router.post(
    "/tools/invalidate-tags",
    summary="Forget cached tags: nothing is cached here, so this does nothing",
    **NO_BODY,
)
@writes
async def invalidate_tags() -> Response:
    """For scripts that ask for it."""
    return done()
