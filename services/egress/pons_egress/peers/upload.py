# SPDX-License-Identifier: Apache-2.0
"""The file of an instance on its way to a peer, as it is stored or compressed."""

import asyncio
import zlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from functools import partial

from pons.catalog import InstanceToSend
from pons.objects import SPOOL_ABOVE, Body, Objects
from pons.objects.bodies import fill, freed, pieces, size_of
from pons.objects.stored_file import check_file, stream_file
from pons_egress.peers.connection import Connection
from pons_egress.source import Source

GZIP = 31
"""zlib's way to say: 32 KiB, with gzip's header and checksum."""
LEVEL = 1
"""The fastest: images gain little from more."""


async def upload_instance(
    connection: Connection, source: Source, instance: InstanceToSend, *, compress: bool
) -> int:
    """Store the instance at the peer; gives how many bytes its body had.

    Memory is bounded whatever its size. Raises `RemoteFailure`, and what `Source.open` raises.
    """
    current = await source.open(instance, partial(_found, source.objects))
    if not compress:
        content = partial(stream_file, source.objects, current)
        await connection.upload(content, current.size)
        return current.size
    body = await _gzipped(source.objects, current)
    with freed(body):
        await connection.upload(partial(_read, body), size_of(body), gzip=True)
        return size_of(body)


async def _found(objects: Objects, instance: InstanceToSend) -> InstanceToSend:
    """The instance, whose object is there."""
    await check_file(objects, instance)
    return instance


async def _gzipped(objects: Objects, instance: InstanceToSend) -> Body:
    """The whole file in gzip, so that its length can be told; large ones in a spool."""
    async with aclosing(_compressed(objects, instance)) as compressed:
        if instance.size > SPOOL_ABOVE:
            return await fill(objects.spool(), compressed)
        return b"".join([piece async for piece in compressed])


async def _compressed(objects: Objects, instance: InstanceToSend) -> AsyncGenerator[bytes, None]:
    packing = zlib.compressobj(LEVEL, wbits=GZIP)
    async for piece in stream_file(objects, instance):
        if packed := await asyncio.to_thread(packing.compress, piece):
            yield packed
    yield packing.flush()


async def _read(body: Body) -> AsyncIterator[bytes]:
    reading = pieces(body)
    while piece := await asyncio.to_thread(next, reading, b""):
        yield bytes(piece)
