# SPDX-License-Identifier: Apache-2.0
"""Every tag of a file, also those after the pixel data, in bounded memory."""

import asyncio
import mmap
from pathlib import Path
from uuid import UUID

from pons.errors import NotFound
from pons.header import Header, scan
from pons.objects import SPOOL_ABOVE, Spool
from pons_gateway.backends import Backends


async def whole_header(instance_id: str, backends: Backends) -> Header:
    """The header with what follows the pixel data, read from the object. Raises `NotFound`."""
    stored = await backends.catalog.find_object(instance_id)
    if stored is None:
        raise NotFound("Unknown resource")
    charset = backends.settings.ingest.default_charset
    objects = backends.objects
    if stored.size <= SPOOL_ABOVE:
        content = await objects.read(stored.object_key)
        return await asyncio.to_thread(_scan, content, charset)
    path = objects.local_path(stored.object_key)
    if path is not None:
        return await asyncio.to_thread(_scan_file, path, charset)
    with objects.spool() as spool:
        await _download(spool, backends, stored.object_key)
        return await asyncio.to_thread(_scan_file, spool.path, charset)


async def _download(spool: Spool, backends: Backends, key: UUID) -> None:
    async for piece in backends.objects.stream(key):
        await asyncio.to_thread(spool.write, piece)


def _scan(content: bytes | mmap.mmap, charset: str) -> Header:
    return scan(content, default_charset=charset, whole=True)


def _scan_file(path: Path, charset: str) -> Header:
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        return _scan(content, charset)
