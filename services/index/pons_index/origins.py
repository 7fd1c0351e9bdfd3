# SPDX-License-Identifier: Apache-2.0
"""Where and when instances came in, kept beside their objects: a DICOM file does not tell.

One note for each of the folders that objects lie in, so that there are 65,536 at most. It is
written a little after the rows, by whichever replica wrote them; a start makes up for one that was
killed.
"""

import asyncio
import math
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
import structlog
import zstandard

from pons.errors import NotFound, PonsError, log_text
from pons.messages.events import Origin
from pons.objects import Objects, key_folder, key_period, period_keys
from pons_index.database import Database
from pons_index.statements import SQL
from pons_index.turns import Turn

log = structlog.get_logger()

WRITE_EVERY = 20.0
PARTING_PATIENCE = 2.0
PAGE = 10_000


class Arrivals(msgspec.Struct, frozen=True, array_like=True):
    """The instances whose objects lie in one folder."""

    origins: list[Origin]
    rows: dict[UUID, tuple[float, int]]
    """Object key to seconds since the epoch, and place in `origins`."""


class Origins:
    """Writes the notes, and reads them when the index has lost what they say."""

    def __init__(self, database: Database, objects: Objects) -> None:
        self._database = database
        self._objects = objects
        self._dirty: set[int] = set()
        self._read: tuple[str, Arrivals | None] = ("", None)

    def wrote(self, keys: Iterable[UUID]) -> None:
        """Rows with these objects have been written."""
        self._dirty.update(map(key_period, keys))

    async def find(self, key: UUID) -> tuple[float | None, Origin | None]:
        """When the object came in, and from where; None where no note says so."""
        folder = key_folder(key)
        if self._read[0] != folder:
            self._read = (folder, await self._read_note(folder))
        arrivals = self._read[1]
        if arrivals is None or (row := arrivals.rows.get(key)) is None:
            return None, None
        return row[0], arrivals.origins[row[1]]

    async def write_forever(self, since: datetime) -> None:
        """Keep the notes in step with the rows, those since `since` at first."""
        try:
            await self._look_back(since)
            while True:
                await asyncio.sleep(WRITE_EVERY)
                await self._try_to_write()
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(PARTING_PATIENCE):
                    await self._try_to_write()

    async def write(self) -> None:
        """Write what is not written yet. Raises `Unavailable`."""
        while self._dirty:
            period = self._dirty.pop()
            try:
                await self._write_period(period)
            except BaseException:
                self._dirty.add(period)
                raise

    async def _look_back(self, since: datetime) -> None:
        after = UUID(int=max(0, int(since.timestamp() * 1000)) << 80)
        while True:
            rows = await self._database.run(partial(_keys_since, after), patience=math.inf)
            if not rows:
                return
            self.wrote(row["object_key"] for row in rows)
            after = rows[-1]["object_key"]

    async def _try_to_write(self) -> None:
        try:
            await self.write()
        except PonsError as error:
            log.warning("origins wait to be noted", error=log_text(error))

    async def _write_period(self, period: int) -> None:
        first, end = period_keys(period)

        async def write(connection: Any) -> None:
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", Turn.NOTING_ARRIVALS)
                rows = await connection.fetch(SQL["read_arrivals"], first, end)
                await self._merge(key_folder(first), rows, period)

        await self._database.run(write)

    async def _merge(self, folder: str, rows: list[Any], period: int) -> None:
        known = await self._read_note(folder) or Arrivals([], {})
        places = {origin: place for place, origin in enumerate(known.origins)}
        merged = {key: row for key, row in known.rows.items() if key_period(key) != period}
        for row in rows:
            origin = msgspec.json.decode(row["origin"], type=Origin)
            place = places.setdefault(origin, len(places))
            merged[row["object_key"]] = (row["received_at"].timestamp(), place)
        content = msgspec.msgpack.encode(Arrivals(list(places), merged))
        packed = zstandard.ZstdCompressor(level=3).compress(content)
        await self._objects.notes.put(_note(folder), packed)

    async def _read_note(self, folder: str) -> Arrivals | None:
        try:
            packed = await self._objects.notes.read(_note(folder))
        except NotFound:
            return None
        try:
            content = zstandard.ZstdDecompressor().decompress(packed)
            return msgspec.msgpack.decode(content, type=Arrivals)
        except (zstandard.ZstdError, msgspec.DecodeError) as error:
            log.error("note of origins cannot be read", folder=folder, error=str(error))
            return None


async def _keys_since(after: UUID, connection: Any) -> list[Any]:
    return list(await connection.fetch(SQL["keys_since"], after, PAGE))


def _note(folder: str) -> str:
    return f"origins/{folder}"
