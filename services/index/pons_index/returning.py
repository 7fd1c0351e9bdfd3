# SPDX-License-Identifier: Apache-2.0
"""Looking at objects that the index does not know: what holds a DICOM file is announced again.

The rest is put into quarantine. What came back is listed, since a deletion whose every record was
lost cannot be told from an upload whose every record was.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
import zstandard

from pons.dicom.identity import to_bytes
from pons.errors import InvalidInstance, NotFound, PonsError
from pons.objects import Kind, Objects, kind_of
from pons_index.database import Database
from pons_index.metrics import RETURNED
from pons_index.origins import Origins
from pons_index.statements import SQL
from pons_index.sweep import discard_unused

if TYPE_CHECKING:
    from pons.ingest import Ingest, Recognised

log = structlog.get_logger()

AT_ONCE = 16
"""Files that are read at a time: so many are in memory, if they are small."""
BEGINNING = 4096
NIL = UUID(int=0)
BURIED = "buried"

OpenIngest = Callable[[], AbstractAsyncContextManager["Ingest"]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an object. An empty kind: nothing is left to say of it."""

    key: UUID
    kind: str
    instance_id: bytes | None = None
    detail: str = ""


class Returning:
    """Works through what the sweep has filed."""

    def __init__(
        self, database: Database, objects: Objects, origins: Origins, open_ingest: OpenIngest
    ) -> None:
        self._database = database
        self._objects = objects
        self._origins = origins
        self._open_ingest = open_ingest

    async def announce_all(self, heard: Callable[[int], None] = lambda _count: None) -> int:
        """How many instances came back. In the order of their keys, which is that of their arrival:
        so the first of a patient, study or series defines its tags as it did before.

        May be repeated and interrupted. Raises `Unavailable`; what is done by then is done.
        """
        after, returned = NIL, 0
        rows = await self._next(after)
        if not rows:
            return 0
        async with self._open_ingest() as ingest:
            while rows:
                keys = [row["object_key"] for row in rows]
                outcomes = await self._look_at(ingest, keys)
                await self._settle(outcomes)
                returned += sum(one.kind == "returned" for one in outcomes)
                heard(len(rows))
                after = keys[-1]
                rows = await self._next(after)
        if returned:
            log.warning("instances announced again that the index did not know", objects=returned)
        return returned

    async def _next(self, after: UUID) -> list[Any]:
        async def fetch(connection: Any) -> list[Any]:
            return list(await connection.fetch(SQL["next_unannounced"], after, AT_ONCE))

        return await self._database.run(fetch)

    async def _look_at(self, ingest: "Ingest", keys: Sequence[UUID]) -> list[Outcome]:
        read = await asyncio.gather(*(self._read(ingest, key) for key in keys))
        outcomes = [one for one in read if isinstance(one, Outcome)]
        recognised = [one for one in read if not isinstance(one, Outcome)]
        answers = await ingest.announce_again(recognised)
        for one, answer in zip(recognised, answers, strict=True):
            outcomes.append(_outcome(one, answer))
        return outcomes

    async def _read(self, ingest: "Ingest", key: UUID) -> "Recognised | Outcome":
        received_at, origin = await self._origins.find(key)
        try:
            found = await ingest.recognise(key, origin, received_at)
        except NotFound:
            return Outcome(key, "")
        except InvalidInstance as error:
            return await self._unreadable(key, error)
        if await self._is_dead(found):
            return Outcome(key, BURIED)
        if kind_of(key) is not Kind.ANNOUNCED and await self._is_indexed(found.ids.instance):
            # An attachment that is a DICOM file, or another form of one that is there.
            return Outcome(key, "leftover", detail=f"also instance {found.ids.instance}")
        return found

    async def _is_dead(self, found: "Recognised") -> bool:
        """Whether it is a file, replaced since, of an instance that was deleted after that."""
        values = (to_bytes(found.ids.instance), found.received.object_key)
        return bool(await self._database.pool.fetchval(SQL["is_dead"], *values))

    async def _is_indexed(self, instance_id: str) -> bool:
        return bool(
            await self._database.pool.fetchval(
                "SELECT EXISTS (SELECT FROM instances WHERE id = $1)", to_bytes(instance_id)
            )
        )

    async def _unreadable(self, key: UUID, error: PonsError) -> Outcome:
        """A DICOM file that cannot be read any more is damaged; anything else is left over."""
        try:
            beginning = await self._objects.read_range(key, 0, BEGINNING)
        except NotFound:
            return Outcome(key, "")
        if kind_of(key) is Kind.ANNOUNCED and not _is_header(beginning):
            log.error("object is damaged", object_key=str(key), reason=str(error))
            return Outcome(key, "damaged", detail=str(error))
        return Outcome(key, "leftover", detail="no DICOM file")

    async def _settle(self, outcomes: Sequence[Outcome]) -> None:
        gone = [one.key for one in outcomes if not one.kind]
        kept = [one for one in outcomes if one.kind and one.kind != BURIED]
        if buried := [one.key for one in outcomes if one.kind == BURIED]:
            await discard_unused(self._database, buried, "deleted")
        columns = (
            [one.key for one in kept],
            [one.kind for one in kept],
            [one.instance_id for one in kept],
            [one.detail.replace("\0", "") for one in kept],
        )

        async def settle(connection: Any) -> None:
            await connection.execute(SQL["settle_findings"], *columns)
            await connection.execute(SQL["forget_findings"], gone)

        await self._database.run(settle)
        for one in kept:
            RETURNED.labels(one.kind).inc()


def _outcome(one: "Recognised", answer: Any) -> Outcome:
    key = one.received.object_key
    if isinstance(answer, InvalidInstance):
        return Outcome(key, "")  # a dead letter has it
    if isinstance(answer, PonsError):
        raise answer
    if answer.status == "AlreadyStored":
        return Outcome(key, "")
    return Outcome(key, "returned", to_bytes(one.ids.instance))


def _is_header(beginning: bytes) -> bool:
    """Whether this is how a header begins that was too large for its announcement: JSON, zstd."""
    if beginning[:4] != zstandard.FRAME_HEADER:
        return False
    try:
        text = zstandard.ZstdDecompressor().decompressobj().decompress(beginning)
    except zstandard.ZstdError:
        return False
    return text[:1] == b"{"
