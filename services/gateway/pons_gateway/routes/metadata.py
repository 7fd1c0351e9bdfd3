# SPDX-License-Identifier: Apache-2.0
"""Metadata of resources: what the store knows of them, and what clients add."""

from hashlib import md5

from starlette.requests import Request
from starlette.responses import Response

from pons.bus import MAX_EVENT_BYTES
from pons.catalog import MetadataValue
from pons.dicom.levels import LEVELS, Level
from pons.dicom.metadata import Names, is_users, metadata_names
from pons.errors import NotFound
from pons.messages.index import DeleteMetadata, PutMetadata, Revision, Written
from pons.messages.services import Done
from pons_gateway.answers import TEXT_TYPE, Answer, UnknownItem, done, json_answer, silent
from pons_gateway.backends import Backends
from pons_gateway.gathering import whole
from pons_gateway.legacy import TEXT, Group, Handler
from pons_gateway.parameters import Flag
from pons_gateway.resource_json import FOLDERS
from pons_gateway.revisions import ask_revised, etag, if_match, unless_known

MAX_VALUE = MAX_EVENT_BYTES // 2
"""Bytes of a value: it travels in a message. What is larger is an attachment."""

EXPAND = Flag("expand", "Give the values too.")
NUMERIC = Flag("numeric", "Give numbers instead of names.")

GROUP = Group("Metadata", "What the store knows of a resource, and what clients add to it.")


def list_metadata(level: Level) -> Handler:
    async def handler(request: Request, backends: Backends) -> Response:
        found = await backends.catalog.metadata(level, request.path_params["id"])
        if found is None:
            raise NotFound("Unknown resource")
        names, numbers = _names(backends), sorted(found)
        if EXPAND(request):
            shown = str if NUMERIC(request) else names.name
            return json_answer({shown(number): found[number] for number in numbers})
        return json_answer(numbers if NUMERIC(request) else [names.name(n) for n in numbers])

    return handler


def show(level: Level) -> Handler:
    async def handler(request: Request, backends: Backends) -> Response:
        identifier, number = request.path_params["id"], _number(request, backends)
        found = await backends.catalog.find_metadata(level, identifier, number)
        if found is None:
            return silent(404)
        revision = _revision(found)
        known = unless_known(request, revision)
        return known or Answer(found.value, 200, TEXT_TYPE, etag(revision))

    return handler


def put(level: Level) -> Handler:
    async def handler(request: Request, backends: Backends) -> Response:
        identifier, number = request.path_params["id"], _number(request, backends)
        if not is_users(number):
            return silent(403)
        expected = if_match(request)
        value = await whole(request, MAX_VALUE)
        command = PutMetadata(level, identifier, number, value, expected)
        written = await ask_revised(backends, command, Written)
        revision = _revision(MetadataValue(value, written.revision))
        return Answer(b"", 200, (b"content-type", b"text/plain"), etag(revision))

    return handler


def delete(level: Level) -> Handler:
    async def handler(request: Request, backends: Backends) -> Response:
        identifier, number = request.path_params["id"], _number(request, backends)
        if not is_users(number):
            return silent(403)
        command = DeleteMetadata(level, identifier, number, if_match(request))
        await ask_revised(backends, command, Done)
        return done()

    return handler


def _names(backends: Backends) -> Names:
    return metadata_names(backends.settings.index.user_metadata)


def _number(request: Request, backends: Backends) -> int:
    name = request.path_params["metadata"]
    number = _names(backends).number(name)
    if number is None:
        raise UnknownItem(f"No metadata is called {name}")
    return number


def _revision(found: MetadataValue) -> Revision:
    return Revision(found.revision, md5(found.value, usedforsecurity=False).hexdigest())


def _add_routes(level: Level) -> None:
    name = level.lower()
    folder = f"/{FOLDERS[level]}/{{id}}/metadata"
    one = f"{folder}/{{metadata}}"
    GROUP.add(
        "GET",
        folder,
        list_metadata(level),
        f"List the metadata of a {name}",
        query=(EXPAND, NUMERIC),
        example=["LastUpdate", "MainDicomTagsSignature", "1024"],
    )
    GROUP.add("GET", one, show(level), f"One metadata of a {name}, with its revision as ETag",
              gives=TEXT, example="20240102T111213")  # fmt: skip
    GROUP.add("PUT", one, put(level), f"Set a metadata of a {name} that is the clients' own",
              takes=TEXT, body="hello", gives="")  # fmt: skip
    GROUP.add("DELETE", one, delete(level), f"Remove a metadata of a {name}", gives="")


for _level in LEVELS:
    _add_routes(_level)
