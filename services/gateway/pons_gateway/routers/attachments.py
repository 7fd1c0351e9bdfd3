# SPDX-License-Identifier: Apache-2.0
"""Attachments of resources: files of clients, and the DICOM file of an instance."""

from typing import Annotated

from fastapi import Depends, Query, Request, Response

from pons.catalog import StoredAttachment
from pons.dicom.metadata import SYSTEM_ATTACHMENTS, is_users, media_type
from pons.ingest.attachments import as_object, change_form, is_intact, put_attachment
from pons.limits import MEGABYTE
from pons.messages import services
from pons.messages.index import DeleteAttachment
from pons.objects.bodies import freed
from pons.objects.stored_file import verify_file
from pons_gateway.backends import Backends
from pons_gateway.bodies.gathering import gathered, limited
from pons_gateway.dependencies import BackendsDep, LevelDep, ResourceId
from pons_gateway.files.attachment import AskedDep, NumberDep, StoredDep, attached_numbers
from pons_gateway.files.file_answer import file_answer
from pons_gateway.files.ranges import range_of
from pons_gateway.files.revisions import ask_revised, etag, if_match, wrong_revision
from pons_gateway.models.answers import Done
from pons_gateway.models.attachments import MD5, AttachmentInfo, AttachmentNumbers
from pons_gateway.query import Flag
from pons_gateway.responses.answers import JSON_TYPE, Answer, done, json_answer, silent, text_answer
from pons_gateway.responses.media_types import OCTETS, answers, gives_text, takes
from pons_gateway.routing import LevelRouter, writes

DELETABLE = SYSTEM_ATTACHMENTS["dicom-as-json"]
ONE = "/{id}/attachments/{attachment}"
OPERATIONS = (
    "compress",
    "compressed-data",
    "compressed-md5",
    "compressed-size",
    "data",
    "info",
    "is-compressed",
    "md5",
    "size",
    "uncompress",
    "verify-md5",
)
"""What there is below an attachment."""

router = LevelRouter(
    "Attachments",
    "Files of clients on resources; the DICOM file of an instance.",
)

Filename = Annotated[str, Query(description="Name under which browsers save the file.")]


@router.get(
    "/{id}/attachments",
    summary="List the attachments of a {level}",
    response_model=list[str] | AttachmentNumbers,
)
async def list_attachments(
    numbers: Annotated[list[int], Depends(attached_numbers)],
    backends: BackendsDep,
    full: Annotated[Flag, Query(description="Give the numbers too.")] = False,
) -> Response:
    """Names, with `full` names and numbers."""
    name = backends.attachment_names.name
    if full:
        return json_answer({name(number): number for number in numbers})
    return json_answer([name(number) for number in numbers])


@router.get(ONE, summary="What an attachment of a {level} offers", response_model=list[str])
async def operations(asked: AskedDep) -> Response:
    """The paths below it; 404 without a body where it is not there."""
    return asked.tagged(json_answer(OPERATIONS))


@router.put(
    ONE,
    summary="Attach a file to a {level}",
    response_model=Done,
    openapi_extra=takes(OCTETS),
)
@writes
async def put(
    request: Request,
    level: LevelDep,
    identifier: ResourceId,
    number: NumberDep,
    backends: BackendsDep,
) -> Response:
    """`If-Match` names the revision that is there, by its ETag; 409 if it is another one.

    403 for attachments of the store's own.
    """
    if not is_users(number):
        return silent(403)
    expected = if_match(request)
    await attached_numbers(level, identifier, backends)
    limit = backends.settings.http.max_body_mb * MEGABYTE
    body = await gathered(limited(request, limit), backends.objects, limit)
    with freed(body), wrong_revision():
        revision = await put_attachment(
            backends.objects,
            backends.ask,
            level,
            identifier,
            number,
            body,
            compressing=backends.settings.storage.compression,
            expected=expected,
        )
    return Answer(b"{}", 200, JSON_TYPE, etag(revision))


@router.delete(ONE, summary="Remove an attachment of a {level}", response_class=Response)
@writes
async def delete(
    request: Request,
    level: LevelDep,
    identifier: ResourceId,
    number: NumberDep,
    backends: BackendsDep,
) -> Response:
    """`If-Match` names the revision that is there. 403 for attachments of the store's own."""
    if not (is_users(number) or number == DELETABLE):
        return silent(403)
    command = DeleteAttachment(level, identifier, number, if_match(request))
    await ask_revised(backends, command, services.Done)
    return done()


@router.get(
    f"{ONE}/data",
    summary="The file",
    response_class=Response,
    responses=answers(OCTETS),
)
async def data(
    request: Request, asked: AskedDep, backends: BackendsDep, filename: Filename = ""
) -> Response:
    """Its type is what the settings say of the attachment; `Range` asks for a part."""
    stored = asked.stored
    part = range_of(request, stored.size)
    kind = media_type(stored.number, backends.settings.index.user_content_types)
    return asked.tagged(
        await file_answer(backends.objects, stored, stored.size, kind, filename, part)
    )


@router.get(
    f"{ONE}/compressed-data",
    summary="The file as it is stored",
    response_class=Response,
    responses=answers(OCTETS),
)
async def compressed_data(
    request: Request, asked: AskedDep, backends: BackendsDep, filename: Filename = ""
) -> Response:
    """As `data` where it is not stored compressed; else with zstd."""
    stored = asked.stored
    if not stored.compression:
        return await data(request, asked, backends, filename)
    if not stored.stored_md5:  # of a DICOM file, only what is in the object can be compared
        await verify_file(backends.objects, stored)
    packed, size = as_object(stored), stored.stored_size
    part = range_of(request, size)
    return asked.tagged(await file_answer(backends.objects, packed, size, OCTETS, filename, part))


async def describe(stored: StoredAttachment, backends: Backends, what: str) -> str:
    """The value at one of the paths below."""
    match what:
        case "size":
            return str(stored.size)
        case "compressed-size":
            return str(stored.stored_size)
        case "is-compressed":
            return "1" if stored.compression else "0"
        case "md5":
            return await backends.digests.of_content(backends.objects, stored)
        case _:
            return await backends.digests.of_object(backends.objects, stored)


async def value(request: Request, asked: AskedDep, backends: BackendsDep) -> Response:
    """As text: a decimal number, 1 or 0, or an MD5 in hexadecimal."""
    what = request.scope["route"].path.rpartition("/")[2]
    return asked.tagged(text_answer(await describe(asked.stored, backends, what)))


for what, summary, shown in (
    ("size", "Bytes of the file", "5"),
    ("compressed-size", "Bytes of the file as it is stored", "5"),
    ("md5", "MD5 of the file", MD5),
    ("compressed-md5", "MD5 of the file as it is stored", MD5),
    ("is-compressed", "Whether the file is stored compressed", "0"),
):
    router.get(f"{ONE}/{what}", summary=summary, **gives_text(shown))(value)


@router.get(f"{ONE}/info", summary="All of this at once", response_model=AttachmentInfo)
async def info(asked: AskedDep, backends: BackendsDep) -> Response:
    """Key, number, and sizes and MD5 of both forms."""
    stored, objects, digests = asked.stored, backends.objects, backends.digests
    told = {
        "Uuid": str(stored.object_key),
        "ContentType": stored.number,
        "UncompressedSize": stored.size,
        "CompressedSize": stored.stored_size,
        "UncompressedMD5": await digests.of_content(objects, stored),
        "CompressedMD5": await digests.of_object(objects, stored),
    }
    return asked.tagged(json_answer(told))


@router.post(
    f"{ONE}/verify-md5",
    summary="Read the file and compare it with what was written (400: differs)",
    response_model=Done,
)
async def verify(stored: StoredDep, backends: BackendsDep) -> Response:
    """Reads all of it. 400 has no body."""
    return json_answer({}) if await is_intact(backends.objects, stored) else silent(400)


@writes
async def store_otherwise(
    request: Request,
    level: LevelDep,
    identifier: ResourceId,
    stored: StoredDep,
    backends: BackendsDep,
) -> Response:
    """Nothing happens where it is stored so already."""
    compressed = request.scope["route"].path.endswith("/compress")
    objects, ask = backends.objects, backends.ask
    await change_form(objects, ask, level, identifier, stored, compressed=compressed)
    return json_answer({})


for what, summary in (
    ("compress", "Store the file compressed, where that makes it smaller"),
    ("uncompress", "Store the file as it is"),
):
    router.post(f"{ONE}/{what}", summary=summary, response_model=Done)(store_otherwise)
