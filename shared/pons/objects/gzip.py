# SPDX-License-Identifier: Apache-2.0
"""Bytes in gzip, as they go to other stores."""

import asyncio
import zlib
from collections.abc import AsyncGenerator, AsyncIterable

from pons.objects.bodies import Body, fill
from pons.objects.protocol import SPOOL_ABOVE, Objects

GZIP = 31
"""zlib's way to say: 32 KiB, with gzip's header and checksum."""
LEVEL = 1
"""The fastest: images gain little from more."""


async def gzipped(pieces: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    """What the pieces are in gzip, as they come."""
    packing = zlib.compressobj(LEVEL, wbits=GZIP)
    async for piece in pieces:
        if packed := await asyncio.to_thread(packing.compress, piece):
            yield packed
    yield packing.flush()


async def gzip_body(objects: Objects, pieces: AsyncIterable[bytes], size: int) -> Body:
    """`size` bytes in gzip, whole, so that their length can be told; many of them in a spool.

    The spool is the caller's to close.
    """
    packed = gzipped(pieces)
    if size > SPOOL_ABOVE:
        return await fill(objects.spool(), packed)
    return b"".join([piece async for piece in packed])


def gunzip(packed: bytes, size: int) -> bytes | None:
    """The `size` bytes that gzip holds; None where it holds others, of which no more are made."""
    inflater = zlib.decompressobj(GZIP)
    try:
        content = inflater.decompress(packed, size + 1)
    except zlib.error:
        return None
    whole = inflater.eof and not inflater.unused_data
    return content if whole and len(content) == size else None
