# SPDX-License-Identifier: Apache-2.0
"""Metadata of resources: what the store knows of them, and what clients add."""

from hashlib import md5
from typing import Annotated

from fastapi import Depends, Path, Query, Request, Response
from fastapi.responses import PlainTextResponse

from pons.bus import MAX_EVENT_BYTES
from pons.catalog import MetadataValue
from pons.dicom.metadata import is_users
from pons.messages.index import DeleteMetadata, PutMetadata, Revision, Written
from pons.messages.services import Done
from pons_gateway.bodies.gathering import whole
from pons_gateway.dependencies import BackendsDep, LevelDep, ResourceId
from pons_gateway.errors import UnknownItem, known
from pons_gateway.files.revisions import ask_revised, etag, if_match, unless_known
from pons_gateway.models.metadata import MetadataValues
from pons_gateway.query import Flag
from pons_gateway.responses.answers import PLAIN_TYPE, TEXT_TYPE, Answer, done, json_answer, silent
from pons_gateway.responses.media_types import takes_text
from pons_gateway.routing import LevelRouter

MAX_VALUE = MAX_EVENT_BYTES // 2
"""Bytes of a value: it travels in a message. What is larger is an attachment."""
router = LevelRouter("Metadata", "What the store knows of a resource, and what clients add to it.")


async def metadata_number(
    name: Annotated[
        str, Path(alias="metadata", description="Name of the metadata, or its number.")
    ],
    backends: BackendsDep,
) -> int:
    """The number of the metadata in the path. Raises `UnknownItem` for a name that nobody knows."""
    number = backends.metadata_names.number(name)
    if number is None:
        raise UnknownItem(f"No metadata is called {name}")
    return number


NumberDep = Annotated[int, Depends(metadata_number)]


@router.get(
    "/{id}/metadata",
    summary="List the metadata of a {level}",
    response_model=list[str] | list[int] | MetadataValues,
)
async def list_metadata(
    level: LevelDep,
    identifier: ResourceId,
    backends: BackendsDep,
    expand: Annotated[Flag, Query(description="Give the values too.")] = False,
    numeric: Annotated[Flag, Query(description="Give numbers instead of names.")] = False,
) -> Response:
    """Names or numbers, ordered by number; with their values if asked for."""
    found = known(await backends.catalog.metadata(level, identifier))
    numbers, name = sorted(found), backends.metadata_names.name
    if expand:
        shown = str if numeric else name
        return json_answer({shown(number): found[number] for number in numbers})
    return json_answer(numbers if numeric else [name(number) for number in numbers])


@router.get(
    "/{id}/metadata/{metadata}",
    summary="One metadata of a {level}, with its revision as ETag",
    response_class=PlainTextResponse,
)
async def show(
    request: Request,
    level: LevelDep,
    identifier: ResourceId,
    number: NumberDep,
    backends: BackendsDep,
) -> Response:
    """Its value. 404 without a body where it is not set; 304 where `If-None-Match` names it."""
    found = await backends.catalog.find_metadata(level, identifier, number)
    if found is None:
        return silent(404)
    revision = revision_of(found)
    return unless_known(request, revision) or Answer(found.value, 200, TEXT_TYPE, etag(revision))


@router.put(
    "/{id}/metadata/{metadata}",
    summary="Set a metadata of a {level} that is the clients' own",
    response_class=Response,
    openapi_extra=takes_text("The value.", "hello"),
)
async def put(
    request: Request,
    level: LevelDep,
    identifier: ResourceId,
    number: NumberDep,
    backends: BackendsDep,
) -> Response:
    """`If-Match` names the revision that is there, by its ETag; 409 if it is another one.

    403 for metadata of the store's own.
    """
    if not is_users(number):
        return silent(403)
    expected = if_match(request)
    value = await whole(request, MAX_VALUE)
    command = PutMetadata(level, identifier, number, value, expected)
    written = await ask_revised(backends, command, Written)
    revision = revision_of(MetadataValue(value, written.revision))
    return Answer(b"", 200, PLAIN_TYPE, etag(revision))


@router.delete(
    "/{id}/metadata/{metadata}", summary="Remove a metadata of a {level}", response_class=Response
)
async def delete(
    request: Request,
    level: LevelDep,
    identifier: ResourceId,
    number: NumberDep,
    backends: BackendsDep,
) -> Response:
    """`If-Match` names the revision that is there. 403 for metadata of the store's own."""
    if not is_users(number):
        return silent(403)
    command = DeleteMetadata(level, identifier, number, if_match(request))
    await ask_revised(backends, command, Done)
    return done()


def revision_of(found: MetadataValue) -> Revision:
    """The revision of a value: its number, and its MD5."""
    return Revision(found.revision, md5(found.value, usedforsecurity=False).hexdigest())
