# SPDX-License-Identifier: Apache-2.0
"""What an object store offers, whichever it is."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID

from pons.objects.bodies import Body
from pons.objects.notes import Notes
from pons.objects.spool import Spool

SPOOL_ABOVE = 8 << 20
"""Bodies larger than this are gathered in a `Spool` instead of memory."""


@dataclass(frozen=True, slots=True)
class ObjectEntry:
    """One object in a listing; its age is `key_time(key)`."""

    key: UUID
    size: int


class Objects(Protocol):
    """Objects of one store: written once under a fresh key, read, removed, never changed.

    Every method may raise `Unavailable`, and those that write `OutOfResources`.
    """

    @property
    def notes(self) -> Notes:
        """The store's notes, which lie beside its objects."""

    @property
    def spool_folder(self) -> Path:
        """Where temporary files of the store lie, on this machine."""

    async def put(self, key: UUID, body: Body, *, crowded: bool = False) -> None:
        """Keep `body` under `key`; it is durable when this returns.

        `crowded` tells that several others are being stored meanwhile, so that they gain from a
        thread; it changes nothing but speed.

        A spool is consumed, whether this succeeds or fails. Any other body must not change
        until this returns; after a cancellation, a thread may go on reading it for a while.
        What a cancelled or failed `put` leaves, if anything, is a whole object that nobody
        refers to.
        """

    async def read(self, key: UUID, size: int | None = None) -> bytes:
        """The whole object. NotFound if there is none.

        Like the others that read it raises `DamagedObject` for an object that has not `size` bytes
        in all, where that is given: it takes no more requests, since whoever reads is told.
        """

    async def read_range(
        self, key: UUID, start: int, length: int, size: int | None = None
    ) -> bytes:
        """`length` bytes from `start` on, fewer where the object ends before. NotFound."""

    def stream(
        self, key: UUID, start: int = 0, length: int | None = None, size: int | None = None
    ) -> AsyncIterator[bytes]:
        """Bytes as from `read_range` (`length` None: to the end) in pieces of `PIECE` bytes.

        NotFound comes with the first piece: ask `size` first where the answer's status matters.
        """

    async def size(self, key: UUID) -> int:
        """Bytes of the object. NotFound if there is none."""

    async def delete(self, keys: Iterable[UUID]) -> None:
        """Remove the objects; absent ones are fine."""

    def list(self, shard: str) -> AsyncIterator[ObjectEntry]:
        """The objects in one of `SHARDS`, in no order; those that come or go meanwhile may lack."""

    def spool(self) -> Spool:
        """A temporary file to write a large body to before `put`; close it in any case."""

    def local_path(self, key: UUID) -> Path | None:
        """Where the object lies on this machine (whether it exists or not); None on S3."""

    async def check(self) -> None:
        """Raise `Unavailable`, with what to do, if objects cannot be written now."""

    async def close(self) -> None:
        """Let go of threads and connections."""
