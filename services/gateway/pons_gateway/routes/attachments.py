# SPDX-License-Identifier: Apache-2.0
"""Attachments of resources: files of clients, and the DICOM file of an instance."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from pons.catalog import StoredAttachment
from pons.dicom.levels import LEVELS, Level
from pons.dicom.metadata import SYSTEM_ATTACHMENTS, Names, attachment_names, is_users, media_type
from pons.errors import NotFound
from pons.ingest.attachments import as_object, change_form, is_intact, put_attachment
from pons.messages.index import DeleteAttachment, Revision
from pons.messages.services import Done
from pons.objects import PIECE, Spool
from pons.objects.stored_file import StoredFile, read_file_range, stream_file, verify_file
from pons_gateway.answers import (
    JSON_TYPE,
    TEXT_TYPE,
    Answer,
    UnknownItem,
    done,
    json_answer,
    silent,
)
from pons_gateway.backends import Backends
from pons_gateway.disposition import content_disposition
from pons_gateway.gathering import MEGABYTE, gathered, limited
from pons_gateway.legacy import JSON, TEXT, Group, Handler
from pons_gateway.parameters import Flag, Text
from pons_gateway.ranges import range_of
from pons_gateway.resource_json import FOLDERS
from pons_gateway.revisions import ask_revised, etag, if_match, unless_known, wrong_revision
from pons_gateway.streamed import Streamed, begun

BINARY = "application/octet-stream"
READ_FOR_TAG = 64 * MEGABYTE
"""Larger DICOM files have an ETag only for whoever names one: it takes reading them twice."""
DELETABLE = SYSTEM_ATTACHMENTS["dicom-as-json"]

FULL = Flag("full", "Give the numbers too.")
FILENAME = Text("filename", "Name under which browsers save the file.")

GROUP = Group("Attachments", "Files of clients on resources; the DICOM file of an instance.")

Tell = Callable[[Request, Backends, StoredAttachment], Awaitable[Answer | Response]]


def list_attachments(level: Level) -> Handler:
    async def handler(request: Request, backends: Backends) -> Response:
        numbers = await _numbers(request, backends, level)
        names = _names(backends)
        if FULL(request):
            return json_answer({names.name(number): number for number in numbers})
        return json_answer([names.name(number) for number in numbers])

    return handler


def telling(level: Level, tell: Tell) -> Handler:
    """A GET of something about an attachment, with its revision."""

    async def handler(request: Request, backends: Backends) -> Response:
        stored = await _find(request, backends, level)
        if stored is None:
            return silent(404)
        revision = await _revision(request, backends, stored)
        known = revision and unless_known(request, revision)
        if known:
            return known
        answer = await tell(request, backends, stored)
        if revision:
            answer.raw_headers.append(etag(revision))
        return answer

    return handler


async def operations(_request: Request, _backends: Backends, _stored: StoredAttachment) -> Answer:
    return json_answer(sorted([*TOLD, *DONE]))


async def data(request: Request, backends: Backends, stored: StoredAttachment) -> Response:
    kind = media_type(stored.number, backends.settings.index.user_content_types)
    return await _file_answer(request, backends, stored, stored.size, kind)


async def compressed_data(
    request: Request, backends: Backends, stored: StoredAttachment
) -> Response:
    if not stored.compression:
        return await data(request, backends, stored)
    if not stored.stored_md5:  # of a DICOM file, only what is in the object can be compared
        await verify_file(backends.objects, stored)
    return await _file_answer(request, backends, as_object(stored), stored.stored_size, BINARY)


async def size(_request: Request, _backends: Backends, stored: StoredAttachment) -> Answer:
    return _text(str(stored.size))


async def compressed_size(
    _request: Request, _backends: Backends, stored: StoredAttachment
) -> Answer:
    return _text(str(stored.stored_size))


async def content_md5(_request: Request, backends: Backends, stored: StoredAttachment) -> Answer:
    return _text(await backends.digests.of_content(backends.objects, stored))


async def compressed_md5(_request: Request, backends: Backends, stored: StoredAttachment) -> Answer:
    return _text(await backends.digests.of_object(backends.objects, stored))


async def is_compressed(_request: Request, _backends: Backends, stored: StoredAttachment) -> Answer:
    return _text("1" if stored.compression else "0")


async def info(_request: Request, backends: Backends, stored: StoredAttachment) -> Answer:
    return json_answer(
        {
            "Uuid": str(stored.object_key),
            "ContentType": stored.number,
            "UncompressedSize": stored.size,
            "CompressedSize": stored.stored_size,
            "UncompressedMD5": await backends.digests.of_content(backends.objects, stored),
            "CompressedMD5": await backends.digests.of_object(backends.objects, stored),
        }
    )


def verify(level: Level) -> Handler:
    async def handler(request: Request, backends: Backends) -> Response:
        stored = await _find(request, backends, level)
        if stored is None:
            return silent(404)
        return json_answer({}) if await is_intact(backends.objects, stored) else silent(400)

    return handler


def reform(level: Level, *, compressed: bool) -> Handler:
    async def handler(request: Request, backends: Backends) -> Response:
        stored = await _find(request, backends, level)
        if stored is None:
            return silent(404)
        await change_form(
            backends.objects,
            backends.ask,
            level,
            request.path_params["id"],
            stored,
            compressed=compressed,
        )
        return json_answer({})

    return handler


def put(level: Level) -> Handler:
    async def handler(request: Request, backends: Backends) -> Response:
        number = _number(request, backends)
        if not is_users(number):
            return silent(403)
        expected = if_match(request)
        await _numbers(request, backends, level)
        limit = backends.settings.http.max_body_mb * MEGABYTE
        body = await gathered(limited(request, limit), backends.objects, limit)
        try:
            with wrong_revision():
                revision = await put_attachment(
                    backends.objects,
                    backends.ask,
                    level,
                    request.path_params["id"],
                    number,
                    body,
                    compressing=backends.settings.storage.compression,
                    expected=expected,
                )
        finally:
            if isinstance(body, Spool):
                body.close()
        return Answer(b"{}", 200, JSON_TYPE, etag(revision))

    return handler


def delete(level: Level) -> Handler:
    async def handler(request: Request, backends: Backends) -> Response:
        number = _number(request, backends)
        if not (is_users(number) or number == DELETABLE):
            return silent(403)
        command = DeleteAttachment(level, request.path_params["id"], number, if_match(request))
        await ask_revised(backends, command, Done)
        return done()

    return handler


def _names(backends: Backends) -> Names:
    return attachment_names(backends.settings.index.user_content_types)


def _number(request: Request, backends: Backends) -> int:
    name = request.path_params["attachment"]
    number = _names(backends).number(name)
    if number is None:
        raise UnknownItem(f"No attachment is called {name}")
    return number


async def _numbers(request: Request, backends: Backends, level: Level) -> list[int]:
    numbers = await backends.catalog.attachments(level, request.path_params["id"])
    if numbers is None:
        raise NotFound("Unknown resource")
    return numbers


async def _find(request: Request, backends: Backends, level: Level) -> StoredAttachment | None:
    number = _number(request, backends)
    return await backends.catalog.find_attachment(level, request.path_params["id"], number)


async def _revision(
    request: Request, backends: Backends, stored: StoredAttachment
) -> Revision | None:
    """The revision, unless telling it takes reading a large file for somebody who did not ask."""
    digests = backends.digests
    asked = "if-none-match" in request.headers
    cheap = stored.size <= READ_FOR_TAG and "range" not in request.headers
    digest = digests.known(stored)
    if digest is None and (asked or cheap):
        digest = await digests.of_content(backends.objects, stored)
    return None if digest is None else Revision(stored.revision, digest)


async def _file_answer(
    request: Request, backends: Backends, stored: StoredFile, size: int, kind: str
) -> Response:
    """A file or the part of it that is asked for; what is large comes in pieces."""
    part = range_of(request, size)
    first, length = (part.first, part.length) if part else (0, size)
    headers = [(b"content-type", (BINARY if part else kind).encode())]
    if part:
        headers.append((b"content-range", part.header))
    name = FILENAME.text(request)
    if name:
        headers.append((b"content-disposition", content_disposition(name).encode()))
    status = 206 if part else 200
    if length <= PIECE:
        content = await read_file_range(backends.objects, stored, first, length) if length else b""
        return Answer(content, status, *headers)
    pieces = await begun(stream_file(backends.objects, stored, first, length))
    return Streamed(pieces, length, status, *headers)


def _text(text: str) -> Answer:
    return Answer(text.encode(), 200, TEXT_TYPE)


MD5 = "5d41402abc4b2a76b9719d911017c592"
TOLD: dict[str, tuple[Tell, str, str, object]] = {
    "data": (data, "The file", BINARY, None),
    "compressed-data": (compressed_data, "The file as it is stored", BINARY, None),
    "size": (size, "Bytes of the file", TEXT, "5"),
    "compressed-size": (compressed_size, "Bytes of the file as it is stored", TEXT, "5"),
    "md5": (content_md5, "MD5 of the file", TEXT, MD5),
    "compressed-md5": (compressed_md5, "MD5 of the file as it is stored", TEXT, MD5),
    "is-compressed": (is_compressed, "Whether the file is stored compressed", TEXT, "0"),
    "info": (
        info,
        "All of this at once",
        JSON,
        {
            "Uuid": "0192f0c1-7a3b-7c11-9f6e-2d5c8a4b9e10",
            "ContentType": 1024,
            "UncompressedSize": 5,
            "CompressedSize": 5,
            "UncompressedMD5": MD5,
            "CompressedMD5": MD5,
        },
    ),
}
"""What can be read about an attachment: handler, summary, media type, example."""

DONE: dict[str, tuple[Callable[[Level], Handler], str, bool]] = {
    "verify-md5": (
        verify,
        "Read the file and compare it with what was written (400: differs)",
        False,
    ),
    "compress": (
        lambda level: reform(level, compressed=True),
        "Store the file compressed, where that makes it smaller",
        True,
    ),
    "uncompress": (lambda level: reform(level, compressed=False), "Store the file as it is", True),
}
"""What can be done to an attachment: handler, summary, whether it writes."""


def _add_routes(level: Level) -> None:
    name = level.lower()
    folder = f"/{FOLDERS[level]}/{{id}}/attachments"
    one = f"{folder}/{{attachment}}"
    GROUP.add("GET", folder, list_attachments(level), f"List the attachments of a {name}",
              query=(FULL,), example=["dicom"] if level == "Instance" else ["1024"])  # fmt: skip
    GROUP.add("GET", one, telling(level, operations), f"What an attachment of a {name} offers",
              example=["data", "size"])  # fmt: skip
    GROUP.add("PUT", one, put(level), f"Attach a file to a {name}", takes=BINARY, example={},
              writes=True)  # fmt: skip
    GROUP.add("DELETE", one, delete(level), f"Remove an attachment of a {name}", gives="",
              writes=True)  # fmt: skip
    for word, (tell, summary, kind, example) in TOLD.items():
        query = (FILENAME,) if word.endswith("data") else ()
        GROUP.add("GET", f"{one}/{word}", telling(level, tell), summary, query=query, gives=kind,
                  example=example)  # fmt: skip
    for word, (make, summary, writes) in DONE.items():
        GROUP.add("POST", f"{one}/{word}", make(level), summary, example={}, writes=writes)


for _level in LEVELS:
    _add_routes(_level)
