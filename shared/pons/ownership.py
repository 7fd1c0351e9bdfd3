# SPDX-License-Identifier: Apache-2.0
"""Whose backing services these are: objects, streams and database carry the store's mark.

The index makes the mark once, at random, and writes it everywhere (`pons_index.ownership`). Every
service compares before it listens, and every connection to the database is compared when it is
made, so that no setting that points elsewhere shows, or changes, another store's instances.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import msgspec
import nats.errors
import nats.js.errors
import structlog

from pons.bus import AWAY, Bus
from pons.errors import DatabaseUnavailable, NotFound, PonsError, Unavailable
from pons.objects import Objects
from pons.objects.notes import OWNER
from pons.settings import Settings

log = structlog.get_logger()

LAYOUT = 1
"""How objects and notes lie; a store with a later number is refused."""
SCHEMA = 18
"""The latest migration of the database that this version knows."""
STREAM_KEYS = ("pons_store", "pons_id")
"""Metadata of the stream of announcements."""
READ_OWNER = "SELECT store, id FROM owner"
READ_SCHEMA = """
    SELECT max(number), max(coalesce((to_jsonb(m) ->> 'oldest')::integer, number))
    FROM migrations m
"""
"""Gives the database's schema, and the oldest one whose programs work with it: what only adds
leaves the programs of the version before at work (`pons_index.migrations`)."""
OBJECTS, STREAMS, DATABASE = "object store", "streams", "database"
LONGEST_PAUSE = 2.0


class Mark(msgspec.Struct, frozen=True):
    """The identity of a store."""

    store: str
    id: UUID
    layout: int = LAYOUT


async def read_objects_mark(objects: Objects) -> Mark | None:
    """The mark in the object store; None where there is none.

    Raises `PonsError` when a later version wrote it.
    """
    try:
        content = await objects.notes.read(OWNER)
    except NotFound:
        return None
    try:
        mark = msgspec.json.decode(content, type=Mark)
    except msgspec.DecodeError as error:
        raise PonsError(
            "The mark of the object store cannot be read",
            "put the note `owner` back from a backup of the objects",
        ) from error
    if mark.layout > LAYOUT:
        raise PonsError(
            f"The object store is newer than this version of Pons: its layout is {mark.layout}, "
            f"this version knows {LAYOUT}",
            "start the version that wrote it, or a later one",
        )
    return mark


async def mark_objects(objects: Objects, mark: Mark) -> None:
    """Write the mark into the object store."""
    await objects.notes.put(OWNER, msgspec.json.encode(mark))


async def read_streams_mark(bus: Bus) -> Mark | None:
    """The mark of the stream of announcements; None where there is none. Raises `Unavailable`."""
    try:
        info = await bus.stream.stream_info(bus.names.ingest_stream)
    except nats.js.errors.NotFoundError:
        return None
    except AWAY as error:
        raise Unavailable("NATS does not answer") from error
    metadata = info.config.metadata or {}
    store, identity = (metadata.get(key) for key in STREAM_KEYS)
    return Mark(store, UUID(identity)) if store and identity else None


async def mark_streams(bus: Bus, mark: Mark) -> None:
    """Write the mark to the stream of announcements. Raises `Unavailable`."""
    try:
        config = (await bus.stream.stream_info(bus.names.ingest_stream)).config
        own = dict(zip(STREAM_KEYS, (mark.store, str(mark.id)), strict=True))
        config.metadata = (config.metadata or {}) | own
        await bus.stream.update_stream(config)
    except AWAY as error:
        raise Unavailable("NATS does not answer") from error


class Owner:
    """Whose objects these are, for whoever reads the database: it must be the same store's."""

    def __init__(self, objects: Objects, settings: Settings) -> None:
        self._objects = objects
        self._settings = settings
        self._mark: Mark | None = None

    async def require(self, connection: Any) -> None:
        """Raise `Unavailable` unless the database behind an asyncpg `connection` is this store's.

        UndefinedTableError: it is not prepared yet.
        """
        if self._mark is None:
            self._mark = await read_objects_mark(self._objects)
        row = await connection.fetchrow(READ_OWNER)
        if row is None or self._mark is None:
            raise DatabaseUnavailable(
                "The store is not prepared yet", "the index service does so when it starts"
            )
        found = Mark(row["store"], row["id"])
        try:
            require_same(self._settings, {OBJECTS: self._mark, DATABASE: found})
        except PonsError as error:
            raise DatabaseUnavailable(error.message, error.details) from None


async def require_own(
    settings: Settings,
    objects: Objects,
    bus: Bus | None = None,
    read_row: Callable[[str], Awaitable[Any]] | None = None,
) -> None:
    """Return when all that the settings name is one store's; ask it before listening.

    Waits, and says so, until the index has marked objects and streams, and brought the database to
    the schema of this version. A database that is away now is compared by each connection later.
    `read_row` gives the first row of a statement.

    Raises `PonsError` when two are of different stores, or one is of a later version.
    """
    delay = 0.05
    while True:
        try:
            lacking = await _lacking(settings, objects, bus, read_row)
            if not lacking:
                return
            reason = f"the index has not {' and '.join(lacking)} yet"
        except Unavailable as error:
            reason = str(error)
        if delay > 1:
            log.warning("waiting to know whose store this is", reason=reason)
        await asyncio.sleep(delay)
        delay = min(delay * 1.5, LONGEST_PAUSE)


async def _lacking(
    settings: Settings,
    objects: Objects,
    bus: Bus | None,
    read_row: Callable[[str], Awaitable[Any]] | None,
) -> list[str]:
    """What the index has yet to do. Raises `PonsError` when two of the marks differ."""
    lacking = []
    marks = {OBJECTS: await read_objects_mark(objects)}
    if bus is not None:
        marks[STREAMS] = await read_streams_mark(bus)
    if read_row is not None:
        found, schema = await _database_mark(read_row)
        marks |= found
        if schema < SCHEMA:
            lacking = [f"brought the database from schema {schema} to {SCHEMA}"]
    require_same(settings, marks)
    unmarked = [f"marked {one}" for one in (OBJECTS, STREAMS) if marks.get(one, True) is None]
    return unmarked + lacking


def require_same(settings: Settings, marks: Mapping[str, Mark | None]) -> None:
    """Raise `PonsError`, naming the settings, when a mark is of another store than the others."""
    there = {place: mark for place, mark in marks.items() if mark is not None}
    name = settings.store.name
    for place, mark in there.items():
        if mark.store != name:
            raise PonsError(
                f"The {place} belongs to the store {mark.store!r}, not to {name!r}",
                f"it is {places(settings)[place]}: correct that, or store.name",
            )
    if len({mark.id for mark in there.values()}) < 2:
        return
    shown = places(settings)
    said = "; ".join(
        f"the {place} {shown[place]} belongs to store {mark.store} ({mark.id})"
        for place, mark in there.items()
    )
    raise PonsError(
        f"The settings of store {name} point to different stores: {said}",
        "each store needs an object store, a database and streams of its own: correct the setting "
        "that points to another's",
    )


def places(settings: Settings) -> dict[str, str]:
    """Where each backing service is, without passwords, and by which setting."""
    storage, database = settings.storage, settings.database
    if storage.kind == "s3":
        objects = (
            f"{storage.s3_endpoint}/{storage.s3_bucket}/{settings.store.name} "
            "(settings storage.s3_endpoint, storage.s3_bucket)"
        )
    else:
        objects = f"{storage.path} (setting storage.path)"
    url, setting = database.reader_url, "database.reader_url"
    if not url:
        url, setting = database.url, "database.url"
    return {
        OBJECTS: objects,
        STREAMS: f"of {', '.join(map(_without_secrets, settings.nats.url.split(',')))} "
        "(setting nats.url)",
        DATABASE: f"{_without_secrets(url)} (setting {setting})",
    }


def _without_secrets(url: str) -> str:
    parts = urlsplit(url.strip())
    host = parts.netloc.rpartition("@")[2] or parse_qs(parts.query).get("host", [""])[0]
    return f"{host}{parts.path}"


async def _database_mark(
    read_row: Callable[[str], Awaitable[Any]],
) -> tuple[dict[str, Mark | None], int]:
    """The database's mark and schema, if it can be asked now; else nothing and this version's.

    Raises `PonsError` when it is so new that this version cannot work with it.
    """
    try:
        row = await read_row(READ_OWNER)
        schema, oldest = await read_row(READ_SCHEMA)
    except Unavailable:
        return {}, SCHEMA
    if (oldest or 0) > SCHEMA:
        raise PonsError(
            f"The database is newer than this version of Pons: its schema is {schema}, "
            f"this version knows {SCHEMA}",
            "start the version that made it, or a later one",
        )
    return {DATABASE: Mark(row["store"], row["id"]) if row else None}, schema or 0
