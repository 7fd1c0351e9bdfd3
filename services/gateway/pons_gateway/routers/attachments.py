# SPDX-License-Identifier: Apache-2.0
"""Attachments of resources: files of clients, and the DICOM file of an instance."""

from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response
from fastapi.responses import PlainTextResponse

from pons.dicom.metadata import SYSTEM_ATTACHMENTS, is_users, media_type
from pons.ingest.attachments import as_object, change_form, is_intact, put_attachment
from pons.limits import MEGABYTE
from pons.messages import services
from pons.messages.index import DeleteAttachment
from pons.objects.bodies import freed
from pons.objects.stored_file import verify_file
from pons_gateway.bodies.gathering import gathered, limited
from pons_gateway.dependencies import BackendsDep, LevelDep, ResourceId
from pons_gateway.files.attachment import AskedDep, NumberDep, StoredDep, attached_numbers
from pons_gateway.files.file_answer import BINARY, file_answer
from pons_gateway.files.revisions import ask_revised, etag, if_match, wrong_revision
from pons_gateway.models.answers import Done
from pons_gateway.models.attachments import AttachmentInfo, AttachmentNumbers
from pons_gateway.query import Flag
from pons_gateway.responses.answers import JSON_TYPE, Answer, done, json_answer, silent, text_answer
from pons_gateway.routing import LevelRouter, writes

DELETABLE = SYSTEM_ATTACHMENTS["dicom-as-json"]
FILE: dict[str, Any] = {BINARY: {"schema": {"type": "string", "format": "binary"}}}
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
    openapi_extra={"requestBody": {"required": True, "content": FILE}},
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
    responses={200: {"content": FILE}},
)
async def data(
    request: Request, asked: AskedDep, backends: BackendsDep, filename: Filename = ""
) -> Response:
    """Its type is what the settings say of the attachment; `Range` asks for a part."""
    stored = asked.stored
    kind = media_type(stored.number, backends.settings.index.user_content_types)
    return asked.tagged(
        await file_answer(request, backends.objects, stored, stored.size, kind, filename)
    )


@router.get(
    f"{ONE}/compressed-data",
    summary="The file as it is stored",
    response_class=Response,
    responses={200: {"content": FILE}},
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
    return asked.tagged(
        await file_answer(request, backends.objects, packed, size, BINARY, filename)
    )


@router.get(f"{ONE}/size", summary="Bytes of the file", response_class=PlainTextResponse)
async def size(asked: AskedDep) -> Response:
    """A decimal number."""
    return asked.tagged(text_answer(str(asked.stored.size)))


@router.get(
    f"{ONE}/compressed-size",
    summary="Bytes of the file as it is stored",
    response_class=PlainTextResponse,
)
async def compressed_size(asked: AskedDep) -> Response:
    """A decimal number."""
    return asked.tagged(text_answer(str(asked.stored.stored_size)))


@router.get(f"{ONE}/md5", summary="MD5 of the file", response_class=PlainTextResponse)
async def content_md5(asked: AskedDep, backends: BackendsDep) -> Response:
    """In hexadecimal."""
    digest = await backends.digests.of_content(backends.objects, asked.stored)
    return asked.tagged(text_answer(digest))


@router.get(
    f"{ONE}/compressed-md5",
    summary="MD5 of the file as it is stored",
    response_class=PlainTextResponse,
)
async def compressed_md5(asked: AskedDep, backends: BackendsDep) -> Response:
    """In hexadecimal."""
    digest = await backends.digests.of_object(backends.objects, asked.stored)
    return asked.tagged(text_answer(digest))


@router.get(
    f"{ONE}/is-compressed",
    summary="Whether the file is stored compressed",
    response_class=PlainTextResponse,
)
async def is_compressed(asked: AskedDep) -> Response:
    """1 or 0."""
    return asked.tagged(text_answer("1" if asked.stored.compression else "0"))


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


@router.post(
    f"{ONE}/compress",
    summary="Store the file compressed, where that makes it smaller",
    response_model=Done,
)
@writes
async def compress(
    level: LevelDep, identifier: ResourceId, stored: StoredDep, backends: BackendsDep
) -> Response:
    """Nothing happens where it is stored so already."""
    await change_form(backends.objects, backends.ask, level, identifier, stored, compressed=True)
    return json_answer({})


@router.post(f"{ONE}/uncompress", summary="Store the file as it is", response_model=Done)
@writes
async def uncompress(
    level: LevelDep, identifier: ResourceId, stored: StoredDep, backends: BackendsDep
) -> Response:
    """Nothing happens where it is stored so already."""
    await change_form(backends.objects, backends.ask, level, identifier, stored, compressed=False)
    return json_answer({})
