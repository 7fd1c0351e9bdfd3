# SPDX-License-Identifier: Apache-2.0
"""What the store keeps and may throw away, and reading again what it keeps."""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pons.dicom.levels import LEVELS, Level
from pons.errors import BadRequest
from pons.messages.index import (
    DELETED_AT_ONCE,
    DeleteResources,
    ProtectPatient,
    Reconstruct,
    Reconstructed,
    ResourceName,
)
from pons.messages.services import Done
from pons_gateway.answers import done, text_answer
from pons_gateway.backends import Backends
from pons_gateway.bodies import flag_body, flag_of, level_of, object_body
from pons_gateway.errors import BadJson
from pons_gateway.legacy import JSON, TEXT, Group, Handler
from pons_gateway.resource_json import FOLDERS
from pons_gateway.routes.resources import ANOTHER, ID

PATIENCE = 600.0
"""Seconds that one command may take: resources can have many instances, files be large."""

GROUP = Group("Storage", "What the store keeps, and what it may throw away.")


@GROUP.get(
    "/patients/{id}/protected",
    "Whether a patient is protected from being recycled when the store is full",
    gives=TEXT,
    example="0",
)
async def protected(request: Request, backends: Backends) -> Response:
    patient = await backends.catalog.find("Patient", request.path_params["id"])
    if patient is None:
        raise BadRequest("There is no such patient")
    return text_answer("1" if patient.protected else "0")


@GROUP.put(
    "/patients/{id}/protected",
    "Protect a patient (1), or put it at the end of the queue of those to recycle (0)",
    takes=TEXT,
    body="1",
    gives="",
    writes=True,
)
async def protect(request: Request, backends: Backends) -> Response:
    command = ProtectPatient(request.path_params["id"], await flag_body(request))
    await backends.ask("index", command, Done)
    return done()


@GROUP.post(
    "/tools/bulk-delete",
    "Delete resources of any levels with everything below them; unknown ones are passed over",
    takes=JSON,
    body={"Resources": [ID, {"Level": "Study", "ID": ANOTHER}]},
    gives="",
    writes=True,
)
async def bulk_delete(request: Request, backends: Backends) -> Response:
    listed = (await object_body(request)).get("Resources")
    if not isinstance(listed, list):
        raise BadJson("Resources is a list of identifiers")
    names = [_resource_name(entry) for entry in listed]
    for part in _parts(names):
        await backends.ask("index", DeleteResources(part), Done, within=PATIENCE)
    return done()


def reconstruct(level: Level) -> Handler:
    async def handler(request: Request, backends: Backends) -> Response:
        body = await object_body(request)
        asked = Reconstruct(
            level,
            request.path_params["id"],
            rewrite=flag_of(body, "ReconstructFiles"),
            level_only=flag_of(body, "LimitToThisLevelMainDicomTags"),
        )
        await _reconstruct_all(asked, backends)
        return done()

    return handler


for _level in LEVELS:
    GROUP.add(
        "POST",
        f"/{FOLDERS[_level]}/{{id}}/reconstruct",
        reconstruct(_level),
        f"Read the files of a {_level.lower()} again, and rebuild its tags and those above it",
        takes=JSON,
        body={"ReconstructFiles": False, "LimitToThisLevelMainDicomTags": False},
        gives="",
        writes=True,
    )


@GROUP.post(
    "/tools/reconstruct",
    "Read every file of the store again, and rebuild all tags: takes long",
    takes=JSON,
    body={"ReconstructFiles": False},
    gives="",
    writes=True,
)
async def reconstruct_store(request: Request, backends: Backends) -> Response:
    body = await object_body(request)
    await _reconstruct_all(Reconstruct(rewrite=flag_of(body, "ReconstructFiles")), backends)
    return done()


@GROUP.post(
    "/tools/invalidate-tags",
    "Forget cached tags: nothing is cached here, so this does nothing",
    gives="",
    writes=True,
)
async def invalidate_tags(_request: Request, _backends: Backends) -> Response:
    return done()


async def _reconstruct_all(asked: Reconstruct, backends: Backends) -> None:
    """Ask for slice after slice; who hangs up ends it."""
    following: int | None = 0
    while following is not None:
        part = msgspec.structs.replace(asked, after=following)
        answer: Reconstructed = await backends.ask("index", part, Reconstructed, within=PATIENCE)
        following = answer.next


def _resource_name(entry: Any) -> ResourceName:
    if isinstance(entry, str):
        return ResourceName(entry)
    if isinstance(entry, dict) and isinstance(entry.get("ID"), str):
        return ResourceName(entry["ID"], level_of(entry.get("Level")))
    raise BadJson("A resource is an identifier, or an object with Level and ID")


def _parts(names: list[ResourceName]) -> list[list[ResourceName]]:
    """The names in parts that one command takes."""
    starts = range(0, len(names), DELETED_AT_ONCE)
    return [names[start : start + DELETED_AT_ONCE] for start in starts]
