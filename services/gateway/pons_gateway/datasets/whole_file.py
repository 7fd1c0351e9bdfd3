# SPDX-License-Identifier: Apache-2.0
"""Every tag of a file, also those after the pixel data, in bounded memory."""

import asyncio
import mmap
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pons.header import Header, scan
from pons.objects import SPOOL_ABOVE
from pons.objects.stored_file import local_file, read_file
from pons_gateway.backends import Backends
from pons_gateway.errors import known

T = TypeVar("T")


async def whole_header(instance_id: str, backends: Backends, use: Callable[[Header], T]) -> T:
    """What `use` makes of the header with what follows the pixel data, read from the object.

    It runs in a thread and must not keep the header's text. Raises `NotFound`.
    """
    stored = known(await backends.catalog.find_object(instance_id))
    charset = backends.live.now.default_charset
    if stored.size <= SPOOL_ABOVE:
        content = await read_file(backends.objects, stored)
        async with backends.header_room.hold(stored.size):
            return await asyncio.to_thread(lambda: use(_scan(content, charset)))
    async with (
        local_file(backends.objects, stored) as path,
        backends.header_room.hold(stored.size),
    ):
        return await asyncio.to_thread(lambda: use(_scan_file(path, charset)))


def _scan(content: bytes | mmap.mmap, charset: str) -> Header:
    return scan(content, default_charset=charset, whole=True)


def _scan_file(path: Path, charset: str) -> Header:
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        return _scan(content, charset)
