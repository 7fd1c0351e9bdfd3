# SPDX-License-Identifier: Apache-2.0
"""Every tag of a file, also those after the pixel data, in bounded memory."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pons.header import Header, scan
from pons.objects import SPOOL_ABOVE
from pons.objects.bodies import mapped
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

    def read(file: bytes | Path) -> T:
        with mapped(file) as content:
            return use(scan(content, default_charset=charset, whole=True))

    if stored.size <= SPOOL_ABOVE:
        content = await read_file(backends.objects, stored)
        async with backends.header_room.hold(stored.size):
            return await asyncio.to_thread(read, content)
    async with (
        local_file(backends.objects, stored) as path,
        backends.header_room.hold(stored.size),
    ):
        return await asyncio.to_thread(read, path)
