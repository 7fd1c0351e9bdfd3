# SPDX-License-Identifier: Apache-2.0
"""Files in chunks, as jQuery-File-Upload sends them: a form for each, in order, and headers.

The headers name the whole file and its size, and nothing tells which bytes a chunk has; where a
client sends `Content-Range`, as later versions do, what it says must follow what has arrived.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec
from starlette.requests import Request

from pons.errors import BadRequest, InvalidInstance, TooLarge
from pons.ingest.partial_uploads import PartialUploads, Upload
from pons.limits import MEGABYTE
from pons.objects import PIECE, Body, Objects
from pons.objects.bodies import freed, opened, size_of
from pons_gateway.bodies.gathering import Gatherer

SIZE = re.compile(r"[0-9]{1,18}")
RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)")


@dataclass(frozen=True, slots=True)
class ChunkedFile:
    """The file that a request has a chunk of."""

    key: str
    """The same for one user's chunks of a file with this name and size."""
    size: int
    start: int | None
    """Bytes before the chunk, where the client tells."""


def chunked_file(request: Request, limit: int) -> ChunkedFile | None:
    """What the headers say of a chunk; None when the form's parts are whole files.

    Raises `BadRequest` for headers that are no such thing, `TooLarge` above `limit` bytes.
    """
    headers = request.headers
    name, size = headers.get("x-file-name"), headers.get("x-file-size")
    if headers.get("x-requested-with") != "XMLHttpRequest" or (name is None and size is None):
        return None
    if not name:
        raise BadRequest("X-File-Size without X-File-Name", "a chunk needs the name of its file")
    if size is None or SIZE.fullmatch(size) is None or not int(size):
        raise BadRequest(f"X-File-Size is the number of the file's bytes, not {size!r}")
    if int(size) > limit:
        raise TooLarge(f"The file has more than {limit // MEGABYTE} MiB")
    start = _start(headers.get("content-range"), int(size))
    identity = msgspec.json.encode([request.scope["user"], name, int(size)])
    return ChunkedFile(blake2b(identity, digest_size=20).hexdigest(), int(size), start)


async def take_chunk(
    file: ChunkedFile,
    chunk: Body,
    uploads: PartialUploads,
    objects: Objects,
    store: Callable[[Body], Awaitable[Any]],
) -> None:
    """Keep a chunk, or `store` the file when this completes it; frees the chunk.

    Until the file is stored its chunks are kept, so the last one may be sent again after a failure.
    Raises `BadRequest` for a chunk that does not fit, `Conflict` for one of two that race.
    """
    size = size_of(chunk)
    if size == file.size and not file.start:
        await store(chunk)
        return
    with freed(chunk):
        upload = await _fitting(file, size, uploads)
        if upload.arrived.size + size < file.size:
            await uploads.append(upload, chunk)
            return
        upload = await uploads.claim(upload)
        whole = await _joined(upload, chunk, uploads, objects, file.size)
    try:
        await store(whole)
    except InvalidInstance:  # what may succeed later keeps the chunks
        await uploads.forget(upload)
        raise
    await uploads.forget(upload)


async def _fitting(file: ChunkedFile, size: int, uploads: PartialUploads) -> Upload:
    """The upload that a chunk of `size` bytes follows. Raises `BadRequest` when it does not."""
    if not size:
        raise BadRequest("Received an empty chunk")
    upload = await uploads.find(file.key)
    if file.start == 0 and upload.arrived.size:  # the client begins anew
        upload = await uploads.forget(upload)
    arrived = upload.arrived.size
    if file.start not in (None, arrived):
        raise BadRequest(
            f"The chunk begins at byte {file.start}, but {arrived} bytes of the file are here",
            "send the file again from its beginning",
        )
    if arrived + size > file.size:
        await uploads.forget(upload)
        raise BadRequest(
            f"X-File-Size announced {file.size} bytes, {arrived + size} have come",
            "send the file again from its beginning",
        )
    return upload


async def _joined(
    upload: Upload, last: Body, uploads: PartialUploads, objects: Objects, size: int
) -> Body:
    with Gatherer(objects, size) as gatherer:
        async for piece in uploads.stream(upload):
            await gatherer.write(piece)
        with opened(last) as file:
            while piece := await asyncio.to_thread(file.read, PIECE):
                await gatherer.write(piece)
        return await gatherer.take()


def _start(content_range: str | None, size: int) -> int | None:
    if content_range is None:
        return None
    found = RANGE.fullmatch(content_range)
    if found is None or found[2] not in ("*", str(size)):
        raise BadRequest(
            f"Content-Range is bytes <first>-<last>/{size} for a chunk, not {content_range!r}"
        )
    return int(found[1])
