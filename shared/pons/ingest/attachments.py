# SPDX-License-Identifier: Apache-2.0
"""Writing what hangs on resources as objects: attachments, and stored files in another form.

The object comes first, under a key that no one announces; then the index is asked to refer to it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import md5
from typing import Any
from uuid import UUID

from pons.catalog import StoredAttachment
from pons.dicom.levels import Level
from pons.errors import Conflict, DamagedObject, NotFound, OutOfResources
from pons.messages.index import PutAttachment, RestoreObject, Revision, Written
from pons.messages.services import Done
from pons.objects import Body, Kind, Objects, new_key
from pons.objects.bodies import freed, pieces, size_of
from pons.objects.stored_file import (
    ZSTD,
    ObjectFile,
    StoredFile,
    compress,
    file_body,
    stream_file,
    verify_file,
)

Ask = Callable[..., Awaitable[Any]]


async def put_attachment(
    objects: Objects,
    ask: Ask,
    level: Level,
    resource_id: str,
    number: int,
    body: Body,
    *,
    compressing: bool = False,
    expected: Revision | None = None,
) -> Revision:
    """`body` becomes an attachment of a resource; its new revision. The caller closes a spool.

    Raises `NotFound` and `Conflict` as the index does; then nothing is left of it.
    """
    digest, size = await md5_of_body(body), size_of(body)
    packed = await compress(objects, body) if compressing else None
    with freed(packed):
        form = body if packed is None else packed
        stored_size = size_of(form)
        stored_digest = digest if packed is None else await md5_of_body(packed)
        key = new_key(Kind.REFERRED)
        await objects.put(key, form)
    command = PutAttachment(
        level=level,
        resource_id=resource_id,
        number=number,
        object_key=key,
        size=size,
        stored_size=stored_size,
        compression="" if packed is None else ZSTD,
        md5=digest,
        stored_md5=stored_digest,
        expected=expected,
    )
    written: Written = await _referred(objects, ask, key, command, Written)
    return Revision(written.revision, digest)


async def change_form(
    objects: Objects,
    ask: Ask,
    level: Level,
    resource_id: str,
    stored: StoredAttachment,
    *,
    compressed: bool,
) -> None:
    """Keep the content of `stored` compressed, where that makes it smaller, or as it is.

    Raises `DamagedObject` when the object is damaged: then it stays as it is.
    """
    if bool(stored.compression) == compressed:
        return
    body = await file_body(objects, stored)
    with freed(body), freed(packed := await compress(objects, body) if compressed else None):
        if compressed and packed is None:
            return
        form = body if packed is None else packed
        stored_size, stored_digest = size_of(form), await md5_of_body(form)
        key = new_key(Kind.REFERRED)
        await objects.put(key, form)
    command = RestoreObject(
        level=level,
        resource_id=resource_id,
        number=stored.number,
        former_key=stored.object_key,
        object_key=key,
        stored_size=stored_size,
        compression=ZSTD if compressed else "",
        stored_md5=stored_digest,
    )
    await _referred(objects, ask, key, command, Done)


async def is_intact(objects: Objects, stored: StoredAttachment) -> bool:
    """Whether an attachment's object, and what it holds, are as they were written.

    Raises `DamagedObject` for an object that is missing.
    """
    try:
        if stored.compression:
            await verify_file(objects, as_object(stored))
        await verify_file(objects, stored)
    except DamagedObject as error:
        if error.what == "missing":
            raise
        return False
    return True


def as_object(stored: StoredAttachment) -> ObjectFile:
    """The object itself as a file, compressed or not."""
    size = stored.stored_size
    return ObjectFile(stored.object_key, size, size, "", stored.owner, md5=stored.stored_md5)


async def md5_of_file(objects: Objects, stored: StoredFile) -> str:
    """In hexadecimal; nothing relies on it against an attacker."""
    hasher = md5(usedforsecurity=False)
    async for piece in stream_file(objects, stored):
        await asyncio.to_thread(hasher.update, piece)
    return hasher.hexdigest()


async def md5_of_body(body: Body) -> str:
    """As `md5_of_file`."""
    hasher = md5(usedforsecurity=False)
    await asyncio.to_thread(_feed, hasher, body)
    return hasher.hexdigest()


async def _referred(objects: Objects, ask: Ask, key: UUID, command: Any, answer: type) -> Any:
    """What the index answers; the object goes at once where it refuses to refer to it."""
    try:
        return await ask("index", command, answer)
    except (NotFound, Conflict, OutOfResources):
        await objects.delete([key])
        raise


def _feed(hasher: Any, body: Body) -> None:
    for piece in pieces(body):
        hasher.update(piece)
