# SPDX-License-Identifier: Apache-2.0
"""Whose objects, streams and database these are, and what happens where that is not clear."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from pons.bus import Bus
from pons.catalog import open_own_catalog
from pons.errors import PonsError, Unavailable
from pons.objects import FileObjects
from pons.ownership import (
    LAYOUT,
    READ_SCHEMA,
    SCHEMA,
    Mark,
    Owner,
    mark_objects,
    mark_streams,
    read_objects_mark,
    read_streams_mark,
    require_own,
)
from pons_index.migrations import migrate, read_migrations
from pons_index.ownership import Claim
from pons_testing.nats import NatsServer
from pons_testing.postgres import PostgresServer

pytestmark = pytest.mark.anyio
PLACES = ("objects", "streams", "database")


class Ground:
    """A store's three places, and one start of its index on them."""

    def __init__(self, claim: Claim, connection: Any) -> None:
        self.claim = claim
        self.connection = connection

    async def start(self, *, adopting: bool = False) -> Mark:
        claim = Claim(self.claim.settings, self.claim.bus, self.claim.objects, adopting)
        await migrate(self.connection, claim.settings, read_migrations(), claim)
        mark = await read_objects_mark(claim.objects)
        assert mark is not None
        assert await read_streams_mark(claim.bus) == mark
        row = await self.connection.fetchrow("SELECT store, id, settled FROM owner")
        assert (row["store"], row["id"], row["settled"]) == (mark.store, mark.id, True)
        return mark

    async def lose(self, *places: str) -> None:
        if "objects" in places:
            await self.claim.objects.notes.delete(["owner"])
        if "streams" in places:
            name = self.claim.bus.names.ingest_stream
            await self.claim.bus.stream.delete_stream(name)
            await self.claim.bus.ensure_streams()


@pytest.fixture
async def ground(
    postgres: PostgresServer, broker: NatsServer, bus: Bus, objects: FileObjects
) -> AsyncIterator[Ground]:
    async with postgres.database(schema=False) as database:
        settings = broker.settings(bus.names.store).model_copy(update={"database": database})
        connection = await asyncpg.connect(database.url)
        try:
            yield Ground(Claim(settings, bus, objects), connection)
        finally:
            await connection.close()


async def test_a_new_store_is_marked_everywhere_once(ground: Ground) -> None:
    """The mark is random, names the store, and stays."""
    first = await ground.start()
    assert first.store == ground.claim.settings.store.name
    assert await ground.start() == first


@pytest.mark.parametrize("lost", ["objects", "streams"])
async def test_two_that_agree_mark_the_third_again(ground: Ground, lost: str) -> None:
    """One place that was lost is this store's once more."""
    mark = await ground.start()
    await ground.lose(lost)
    assert await ground.start() == mark


async def test_a_first_start_that_was_cut_short_goes_on(ground: Ground) -> None:
    """A database that was marked alone, and never settled, is no other store's."""
    mark = await ground.start()
    await ground.connection.execute("UPDATE owner SET settled = false")
    await ground.lose("objects", "streams")
    assert await ground.start() == mark


async def test_one_alone_needs_somebody_who_says_so(ground: Ground) -> None:
    """It may be another store's: the error names every place with its setting."""
    mark = await ground.start()
    await ground.lose("objects", "streams")
    with pytest.raises(PonsError, match=r"The database .* belongs to store") as raised:
        await ground.start()
    assert "(setting storage.path)" in str(raised.value)
    assert "(setting nats.url)" in str(raised.value)
    assert "./pons reindex" in raised.value.details
    assert await read_objects_mark(ground.claim.objects) is None
    assert await ground.start(adopting=True) == mark


async def test_objects_that_lost_their_mark_are_not_taken_for_an_empty_store(
    ground: Ground,
) -> None:
    """A disk that is not mounted looks like that."""
    await ground.start()
    await ground.connection.execute("UPDATE totals SET instances = 7")
    await ground.lose("objects")
    with pytest.raises(PonsError, match="knows 7 instances"):
        await ground.start()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("adopting", [False, True])
async def test_another_stores_place_is_refused(ground: Ground, place: str, adopting: bool) -> None:
    """Whichever it is, whatever anybody says, and nothing is written."""
    mark = await ground.start()
    other = Mark(mark.store, uuid4())
    if place == "objects":
        await mark_objects(ground.claim.objects, other)
    elif place == "streams":
        await mark_streams(ground.claim.bus, other)
    else:
        await ground.connection.execute("UPDATE owner SET id = $1", other.id)
    with pytest.raises(PonsError, match="point to different stores") as raised:
        await ground.start(adopting=adopting)
    assert str(mark.id) in str(raised.value)
    assert str(other.id) in str(raised.value)


async def test_a_store_of_another_name_is_refused(ground: Ground) -> None:
    """Also when all three places agree that they are that one's."""
    other = Mark("other", (await ground.start()).id)
    await mark_objects(ground.claim.objects, other)
    await mark_streams(ground.claim.bus, other)
    await ground.connection.execute("UPDATE owner SET store = 'other'")
    with pytest.raises(PonsError, match=r"The .* belongs to the store 'other', not to '"):
        await ground.start()


async def test_objects_of_a_later_version_are_refused(ground: Ground) -> None:
    """Their layout is not known here."""
    mark = msgspec.structs.replace(await ground.start(), layout=LAYOUT + 1)
    await mark_objects(ground.claim.objects, mark)
    with pytest.raises(PonsError, match="newer than this version"):
        await ground.start()


def test_the_known_schema_is_the_latest_migration() -> None:
    """Readers refuse a later one."""
    assert read_migrations()[-1].number == SCHEMA


async def test_a_reader_refuses_another_stores_database(ground: Ground) -> None:
    """Before it listens, where the database answers; with every connection otherwise."""
    claim = ground.claim
    await ground.start()

    async def ask(statement: str) -> Any:
        return await ground.connection.fetchrow(statement)

    owner = Owner(claim.objects, claim.settings)
    await require_own(claim.settings, claim.objects, claim.bus, ask)
    await owner.require(ground.connection)
    await ground.connection.execute("UPDATE owner SET id = $1", UUID(int=1))
    with pytest.raises(PonsError, match=r"database\.reader_url"):
        await require_own(claim.settings, claim.objects, claim.bus, ask)
    with pytest.raises(Unavailable, match=r"database\.reader_url"):
        await owner.require(ground.connection)


async def test_no_catalog_of_another_store_is_opened(ground: Ground) -> None:
    """Gateway, render and egress open theirs before they listen."""
    claim = ground.claim
    await ground.start()
    async with open_own_catalog(claim.settings, claim.objects, claim.bus):
        pass
    await ground.connection.execute("UPDATE owner SET id = $1", UUID(int=1))
    for bus in (claim.bus, None):
        with pytest.raises(PonsError, match="point to different stores"):
            async with open_own_catalog(claim.settings, claim.objects, bus):
                pytest.fail("it can be read")


async def test_a_reader_refuses_a_later_schema(ground: Ground) -> None:
    """It might read it wrong."""
    await ground.start()
    await ground.connection.execute(
        "INSERT INTO migrations VALUES ($1, 'later', '', 'main')", SCHEMA + 1
    )

    async def ask(statement: str) -> Any:
        return await ground.connection.fetchrow(statement)

    with pytest.raises(PonsError, match="newer than this version"):
        await require_own(ground.claim.settings, ground.claim.objects, None, ask)


async def test_a_reader_takes_a_later_schema_that_only_adds(ground: Ground) -> None:
    """While a new version takes the place of this one, a process of this one may start again."""
    await ground.start()
    await ground.connection.execute(
        "INSERT INTO migrations VALUES ($1, 'later', '', 'main', now(), $2)", SCHEMA + 1, SCHEMA
    )

    async def ask(statement: str) -> Any:
        return await ground.connection.fetchrow(statement)

    await require_own(ground.claim.settings, ground.claim.objects, None, ask)


async def test_a_reader_waits_for_its_schema(ground: Ground) -> None:
    """A new version that starts before the index has migrated opens when it has."""
    await ground.start()
    newest = await ground.connection.fetchrow(
        "DELETE FROM migrations WHERE number = $1 RETURNING *", SCHEMA
    )
    asked = 0

    async def ask(statement: str) -> Any:
        nonlocal asked
        asked += statement == READ_SCHEMA
        if asked == 3:
            await ground.connection.execute(
                "INSERT INTO migrations VALUES ($1, $2, $3, $4)", *tuple(newest)[:4]
            )
        return await ground.connection.fetchrow(statement)

    await require_own(ground.claim.settings, ground.claim.objects, None, ask)
    assert asked == 3
