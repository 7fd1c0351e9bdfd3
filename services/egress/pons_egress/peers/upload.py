# SPDX-License-Identifier: Apache-2.0
"""The file of an instance on its way to a peer, as it is stored or compressed."""

from functools import partial
from typing import Any

from pons.catalog import InstanceToSend
from pons.objects import Objects
from pons.objects.bodies import freed, read_body, size_of
from pons.objects.gzip import gzip_body
from pons.objects.stored_file import check_file, stream_file
from pons.sending.source import Source
from pons_egress.peers.connection import Connection

KEPT = ("Success", "AlreadyStored")
"""What a peer says of a file that it has. One that a filter refuses is answered with 200, too."""


async def upload_instance(
    connection: Connection, source: Source, instance: InstanceToSend, *, compress: bool
) -> int:
    """Store the instance at the peer; gives how many bytes its body had.

    Memory is bounded whatever its size. Raises `RemoteFailure`, and what `Source.open` raises.
    """
    current = await source.open(instance, partial(_found, source.objects))
    if not compress:
        content = partial(stream_file, source.objects, current)
        _require_kept(connection, await connection.upload(content, current.size))
        return current.size
    pieces = stream_file(source.objects, current)
    body = await gzip_body(source.objects, pieces, current.size)
    with freed(body):
        content = partial(read_body, body)
        _require_kept(connection, await connection.upload(content, size_of(body), gzip=True))
        return size_of(body)


def _require_kept(connection: Connection, answer: Any) -> None:
    """Raise `RemoteFailure` unless the peer says that it has the file."""
    status = answer.get("Status") if isinstance(answer, dict) else None
    if status not in KEPT:
        theirs = f", its Status is {status!r:.40}"
        raise connection.failure("did not store the file", theirs, final=True)


async def _found(objects: Objects, instance: InstanceToSend) -> InstanceToSend:
    """The instance, whose object is there."""
    await check_file(objects, instance)
    return instance
