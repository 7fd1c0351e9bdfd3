# SPDX-License-Identifier: Apache-2.0
"""Objects that are missing or not what they were: how that is found, told, logged and counted."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import md5
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
import xxhash
from prometheus_client import Counter

from pons.errors import DamagedObject, InvalidInstance, NotFound, PonsError
from pons.header.packed import DamagedHeader
from pons.objects import PIECE

if TYPE_CHECKING:
    from pons.objects.stored_file import StoredFile

log = structlog.get_logger()

DAMAGED_OBJECTS = Counter(
    "pons_damaged_objects",
    "Readings that found an object missing, or of wrong size or content, by what was wrong",
    ["what"],
)


def notice(error: Exception) -> None:
    """Log and count a damaged file, once; errors that do not say whose it is were told before."""
    if not isinstance(error, DamagedObject) or error.noticed or not error.owner:
        return
    error.noticed = True
    DAMAGED_OBJECTS.labels(error.what).inc()
    log.error(
        "object damaged",
        object_key=error.object_key,
        resource=error.owner,
        what=error.what,
        reason=error.details,
    )


def found() -> int:
    """How many readings of this process have found an object missing or damaged."""
    samples = (one for metric in DAMAGED_OBJECTS.collect() for one in metric.samples)
    return int(sum(one.value for one in samples if one.name.endswith("_total")))


def _damaged(key: UUID | None, owner: str, what: str, why: str) -> DamagedObject:
    error = DamagedObject(
        f"What the store keeps of {owner} is {'missing' if what == 'missing' else 'damaged'}",
        f"object {key}: {why}" if key else why,
        what=what,
        object_key=str(key or ""),
        owner=owner,
    )
    if what != "missing":
        notice(error)
    return error


def wrong(stored: "StoredFile", what: str, why: str) -> PonsError:
    """The error for a file that is not what it was.

    It is logged and counted now. Only a missing object may have been deleted or replaced since its
    row was read: whoever has looked again calls `notice`.
    """
    if not stored.owner:
        return InvalidInstance(f"The object {stored.object_key} is damaged", why)
    return _damaged(stored.object_key, stored.owner, what, why)


@contextmanager
def telling(stored: "StoredFile") -> Iterator[None]:
    """Turn what the object store says of a file's object into what is wrong with the file."""
    try:
        yield
    except NotFound as error:
        if not stored.owner:
            raise
        raise wrong(stored, "missing", "the object store does not have it") from error
    except DamagedObject as error:
        if error.owner:
            raise
        raise wrong(stored, error.what, error.details) from error


@contextmanager
def telling_header(key: UUID | None, owner: str) -> Iterator[None]:
    """The same for the header of an instance; a large one is an object of its own, `key`."""
    try:
        yield
    except NotFound as error:
        why = "the object store does not have its header"
        raise _damaged(key, owner, "missing", why) from error
    except DamagedHeader as error:
        raise _damaged(key, owner, "compression", f"its header: {error.details}") from error


class Check:
    """The checksum of a file that is read from its beginning to its end."""

    def __init__(self, stored: "StoredFile") -> None:
        self._stored = stored
        self._expected = stored.checksum or bytes.fromhex(stored.md5)
        # 30 us for an image of 0.5 MB. MD5, which attachments alone have, takes a thread's time.
        self._fast = bool(stored.checksum)
        self._hasher = xxhash.xxh3_128() if self._fast else md5(usedforsecurity=False)

    async def add(self, piece: bytes) -> None:
        if not self._expected:
            return
        if self._fast and len(piece) <= PIECE:
            self._hasher.update(piece)
        else:
            await asyncio.to_thread(self._hasher.update, piece)

    def finish(self) -> None:
        """Raise the error for a file whose bytes are others than those that were stored."""
        if self._expected and self._hasher.digest() != self._expected:
            raise wrong(self._stored, "checksum", "its bytes are not those that were stored")
