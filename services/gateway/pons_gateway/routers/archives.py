# SPDX-License-Identifier: Apache-2.0
"""Archives and media: instances in a ZIP, at once or as a job; render makes them."""

from typing import Annotated, Any

from fastapi import Body, Depends, Query, Request, Response

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
GIVES_ZIP: dict[str, Any] = {"response_class": Response, "responses": answers(ZIP)}
GIVES_ZIP_OR_JOB: dict[str, Any] = {"response_model": SubmittedJob, "responses": answers(ZIP)}
KINDS: dict[str, tuple[str, dict[str, bool]]] = {
    "archive": ("a ZIP with a folder for each patient, study and series", {}),
    "media": ("a ZIP with a DICOMDIR, ready for a CD", {"media": True}),
    "media-extended": (
        "`create-media`, with optional attributes in the DICOMDIR",
        {"media": True, "extended": True},
    ),
}
"""Ends of paths, and what is made there."""

router = Router(TITLE, DESCRIPTION)
levels = LevelRouter(TITLE, DESCRIPTION, levels=("Patient", "Study", "Series"))


async def kind_of(request: Request) -> dict[str, bool]:
    """What is made, by the end of the route's path."""
    return KINDS[request.scope["route"].path.rpartition("/")[2].removeprefix("create-")][1]


KindDep = Annotated[dict[str, bool], Depends(kind_of)]
Named = Annotated[
    Identifiers, Query(description="Orthanc identifiers of any level, separated by `,`.")
]
ArchiveAsked = Annotated[ArchiveQuery, Query()]
MediaAsked = Annotated[MediaQuery, Query()]
Options = Annotated[ArchiveRequest, Body(default_factory=ArchiveRequest)]
"""A body that may be missing."""


async def archive_of_one(
    identifier: ResourceId, asked: ArchiveAsked, kind: KindDep, backends: BackendsDep
) -> Response:
    """Files are in it as they are stored."""
    return await _answer([identifier], asked.as_body(), kind, backends, identifier)


async def media_of_one(
    identifier: ResourceId, asked: MediaAsked, kind: KindDep, backends: BackendsDep
) -> Response:
    """Files are in it as they are stored."""
    return await _answer([identifier], asked.as_body(), kind, backends, identifier)


async def post_one(
    identifier: ResourceId, asked: Options, kind: KindDep, backends: BackendsDep
) -> Response:
    """Files are in it as they are stored."""
    return await _answer([identifier], asked, kind, backends, identifier)


async def archive_of_many(
    resources: Named, asked: ArchiveAsked, kind: KindDep, backends: BackendsDep
) -> Response:
    """Files are in it as they are stored."""
    return await _answer(resources, asked.as_body(), kind, backends)


async def media_of_many(
    resources: Named, asked: MediaAsked, kind: KindDep, backends: BackendsDep
) -> Response:
    """Files are in it as they are stored."""
    return await _answer(resources, asked.as_body(), kind, backends)


async def post_many(
    asked: ResourcesArchiveRequest, kind: KindDep, backends: BackendsDep
) -> Response:
    """Files are in it as they are stored."""
    return await _answer(asked.Resources, asked, kind, backends)


async def _answer(
    resources: list[str],
    asked: ArchiveRequest,
    kind: dict[str, bool],
    backends: Backends,
    name: str = "Archive",
) -> Response:
    utf8 = backends.settings.archive.utf8
    order = asked.order(resources, f"{name}.zip", utf8=utf8, **kind)
    return await archive_answer(order, backends)


for ending, (made, _) in KINDS.items():
    of_one, of_many = (
        (archive_of_one, archive_of_many) if ending == "archive" else (media_of_one, media_of_many)
    )
    if ending != "media-extended":
        summary = f"Get a {{level}} as {made}"
        levels.get(f"/{{id}}/{ending}", summary=summary, **GIVES_ZIP)(of_one)
        levels.post(f"/{{id}}/{ending}", summary=summary, **GIVES_ZIP_OR_JOB)(post_one)
    path, summary = f"/tools/create-{ending}", f"Get any resources as {made}"
    router.get(path, summary=summary, **GIVES_ZIP)(of_many)
    router.post(path, summary=summary, **GIVES_ZIP_OR_JOB)(post_many)
