# SPDX-License-Identifier: Apache-2.0
"""Worklist entries: kept, replaced, ended when it is time, and back after a loss."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from pons.catalog.worklists import PAGE
from pons.catalog.worklists import Worklists as Reading
from pons.errors import Conflict, NotFound, OutOfResources, Unavailable
from pons.messages.index import DeleteWorklist, PutWorklist
from pons.objects import FileObjects, new_key
from pons.settings import WorklistsSettings
from pons_index.database import Database
from pons_index.stable import settle_due
from pons_index.worklists import Worklists
from pons_testing.events import ids, received

pytestmark = pytest.mark.anyio
Index = Any
Open = Callable[..., Worklists]


@pytest.fixture
def open_worklists(database: Database, objects: FileObjects) -> Open:
    def open_worklists(remember_days: float = 14, **settings: Any) -> Worklists:
        return Worklists(database, objects, WorklistsSettings(**settings), remember_days)

    return open_worklists


@pytest.fixture
def worklists(open_worklists: Open) -> Worklists:
    return open_worklists()


def entry(worklist_id: UUID | None = None, tags: bytes = b"{}", **more: Any) -> PutWorklist:
    values = {"study_uid": "", "first_day": "20240105", "last_day": "20240105"} | more
    return PutWorklist(worklist_id or new_key(), tags, **values)


class PoolReader:
    """As other services read, on a connection of the index."""

    def __init__(self, database: Database) -> None:
        self.rows = database.pool.fetch
        self.row = database.pool.fetchrow


async def kept(database: Database, *days: str) -> list[bytes]:
    """What a reader finds, oldest first."""
    reading = Reading(PoolReader(database))  # type: ignore[arg-type] # all that it asks of one
    return [one.tags async for page in reading.pages(*days) for one in page]


async def test_an_entry_is_kept_and_replaced(worklists: Worklists, database: Database) -> None:
    """To write it twice is no error: the command may come again."""
    one = entry(tags=b'{"a":1}')
    await worklists.put(one)
    await worklists.put(one)
    assert await kept(database) == [b'{"a":1}']
    created = await database.pool.fetchval("SELECT created FROM worklists")
    await worklists.put(entry(one.worklist_id, b'{"a":2}', replace=True))
    assert await kept(database) == [b'{"a":2}']
    assert await database.pool.fetchval("SELECT created FROM worklists") == created


async def test_an_entry_that_is_not_there_is_named(worklists: Worklists) -> None:
    """Neither replaced nor deleted, and after a deletion it is not there."""
    one = entry()
    with pytest.raises(NotFound, match=str(one.worklist_id)):
        await worklists.put(entry(one.worklist_id, replace=True))
    await worklists.put(one)
    await worklists.delete(DeleteWorklist(one.worklist_id))
    with pytest.raises(NotFound):
        await worklists.delete(DeleteWorklist(one.worklist_id))
    with pytest.raises(NotFound):
        await worklists.put(entry(one.worklist_id, replace=True))


class UnconfirmedCommit:
    """A database whose first commit is done, and the connection lost before it says so."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.lost = False

    async def run(self, work: Callable[[Any], Awaitable[None]]) -> None:
        await self._database.run(lambda connection: work(self.Connection(self, connection)))

    class Connection:
        def __init__(self, owner: "UnconfirmedCommit", connection: Any) -> None:
            self._owner, self._connection = owner, connection
            self._depth = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(self._connection, name)

        @asynccontextmanager
        async def transaction(self) -> AsyncIterator[None]:
            self._depth += 1
            async with self._connection.transaction():
                yield
            self._depth -= 1
            if not self._depth and not self._owner.lost:
                self._owner.lost = True
                raise asyncpg.ConnectionDoesNotExistError("the connection was closed")


async def test_a_deletion_that_is_not_confirmed(
    worklists: Worklists, database: Database, objects: FileObjects
) -> None:
    """It is tried again, finds nothing, and is no error: the entry is gone as was asked."""
    one = entry()
    await worklists.put(one)
    unconfirmed: Any = UnconfirmedCommit(database)
    again = Worklists(unconfirmed, objects, WorklistsSettings(), 14)
    await again.delete(DeleteWorklist(one.worklist_id))
    assert unconfirmed.lost
    assert await kept(database) == []
    with pytest.raises(NotFound):
        await again.delete(DeleteWorklist(one.worklist_id))


async def test_only_the_revision_that_was_read_is_changed(
    worklists: Worklists, database: Database
) -> None:
    """What somebody else changed meanwhile is neither replaced nor deleted; who sends the same
    once more, as its first time was not confirmed, hears no conflict."""
    one = entry(tags=b"1")
    await worklists.put(one)

    async def revision() -> int:
        found = await Reading(PoolReader(database)).find(one.worklist_id)  # type: ignore[arg-type]
        assert found is not None
        return found.revision

    first = await revision()
    for _ in range(2):
        await worklists.put(entry(one.worklist_id, b"2", replace=True, revision=first))
    with pytest.raises(Conflict, match=str(one.worklist_id)):
        await worklists.put(entry(one.worklist_id, b"3", replace=True, revision=first))
    with pytest.raises(Conflict):
        await worklists.delete(DeleteWorklist(one.worklist_id, first))
    assert await kept(database) == [b"2"]
    await worklists.delete(DeleteWorklist(one.worklist_id, await revision()))
    assert await kept(database) == []


async def test_a_clock_that_is_behind_loses_no_change(
    worklists: Worklists, database: Database
) -> None:
    """What another replica wrote a moment ahead of our time is replaced all the same."""
    one = entry(tags=b"1")
    await worklists.put(one)
    await database.pool.execute("UPDATE worklists SET changed = now() + interval '1 hour'")
    await worklists.put(entry(one.worklist_id, b"2", replace=True))
    assert await kept(database) == [b"2"]
    await worklists.delete(DeleteWorklist(one.worklist_id))
    assert await kept(database) == []


async def test_their_number_is_bounded(open_worklists: Open) -> None:
    """A program that goes wild fills neither the database nor the answers."""
    worklists = open_worklists(maximum=2)
    one = entry()
    for command in (one, entry()):
        await worklists.put(command)
    with pytest.raises(OutOfResources, match=r"worklists\.maximum"):
        await worklists.put(entry())
    await worklists.put(entry(one.worklist_id, b"2", replace=True))
    await worklists.delete(DeleteWorklist(one.worklist_id))
    await worklists.put(entry())


async def test_old_entries_end(open_worklists: Open, database: Database) -> None:
    """Yesterday's, but not those that are scheduled, nor those that were written just now."""
    worklists = open_worklists(keep_hours=24)
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y%m%d}"
    await worklists.put(entry(tags=b"old"))
    await worklists.put(entry(tags=b"scheduled", last_day=tomorrow))
    await worklists.put(entry(tags=b"for ever", last_day="99991231"))
    ends = "UPDATE worklists SET ends = ends - interval '25 hours'"
    await worklists.end()
    assert await kept(database) == [b"old", b"scheduled", b"for ever"]
    await database.pool.execute(ends)
    await worklists.end()
    assert await kept(database) == [b"scheduled", b"for ever"]


class NotesOnTheWay:
    """Notes beside the objects; something else happens once, when the first of them is written."""

    def __init__(self, notes: Any, happens: Callable[[str], Awaitable[None]]) -> None:
        self._notes, self._happens = notes, [happens]
        self.notes = self

    async def put(self, name: str, body: bytes) -> None:
        await self._notes.put(name, body)
        if self._happens:
            await self._happens.pop()(name)


async def test_what_is_replaced_meanwhile_does_not_end(
    worklists: Worklists, database: Database, objects: FileObjects
) -> None:
    """An old entry that gets a new day while others are ended is there on that day."""
    one, two = entry(tags=b"1"), entry(tags=b"2")
    for command in (one, two):
        await worklists.put(command)
    await database.pool.execute("UPDATE worklists SET ends = now() - interval '1 hour'")

    async def replace_the_other(name: str) -> None:
        other = two if name.endswith(str(one.worklist_id)) else one
        again = entry(other.worklist_id, b"again", last_day="99991231", replace=True)
        await worklists.put(again)

    on_the_way: Any = NotesOnTheWay(objects.notes, replace_the_other)
    await Worklists(database, on_the_way, WorklistsSettings(keep_hours=24), 14).end()
    assert await kept(database) == [b"again"]


async def test_entries_can_stay_for_ever(open_worklists: Open, database: Database) -> None:
    """Without a number of hours, whoever made an entry ends it."""
    worklists = open_worklists(keep_hours=0)
    await worklists.put(entry())
    assert await database.pool.fetchval("SELECT ends FROM worklists") is None
    await worklists.end()
    assert len(await kept(database)) == 1


async def test_an_entry_ends_with_its_study(
    open_worklists: Open, database: Database, open_index: Callable[..., Index]
) -> None:
    """Once the study that was scheduled has come and is stable; not before, nor another's."""
    worklists, index = open_worklists(), open_index(stable_age=0.01)
    await index.write(received("1.1", study_uid="1.5"))
    await settle_due_soon(database)
    await worklists.put(entry(tags=b"came before", study_uid="1.5"))
    await worklists.put(entry(tags=b"comes", study_uid="1.2"))
    await worklists.put(entry(tags=b"never comes", study_uid="1.3"))
    await worklists.put(entry(tags=b"several steps"))
    await worklists.end()
    assert len(await kept(database)) == 4
    await index.write(received("1.4", study_uid="1.2"))
    await worklists.end()
    assert len(await kept(database)) == 4
    await settle_due_soon(database)
    await open_worklists(end_with_study=False).end()
    assert len(await kept(database)) == 4
    await worklists.end()
    assert await kept(database) == [b"came before", b"never comes", b"several steps"]


async def test_a_deletion_ends_no_entry(
    worklists: Worklists, database: Database, open_index: Callable[..., Index]
) -> None:
    """Who comes again, since images were bad that are deleted now, is still on the list."""
    index = open_index(stable_age=0.01)
    bad = received("1.4", study_uid="1.2")
    await index.write(bad, received("1.5", study_uid="1.2"))
    await settle_due_soon(database)
    await worklists.put(entry(tags=b"again", study_uid="1.2"))
    await index.delete("Instance", ids(bad).instance)
    await worklists.end()
    assert await kept(database) == [b"again"]
    await index.write(received("1.6", study_uid="1.2"))
    await settle_due_soon(database)
    await worklists.end()
    assert await kept(database) == []


async def settle_due_soon(database: Database) -> None:
    await database.pool.execute("UPDATE unstable SET due = now() - interval '1 second'")
    async with database.pool.acquire() as connection:
        await settle_due(connection)


async def test_a_new_database_has_them_again(
    worklists: Worklists, database: Database, objects: FileObjects
) -> None:
    """From the notes beside the objects: with the last change, and without those deleted."""
    one, two = entry(tags=b"1"), entry(tags=b"gone")
    await worklists.put(one)
    await worklists.put(entry(one.worklist_id, b"2", replace=True))
    await worklists.put(two)
    before = await database.pool.fetch("SELECT * FROM worklists ORDER BY id")
    await worklists.delete(DeleteWorklist(two.worklist_id))
    await database.pool.execute("DELETE FROM worklists")
    assert await worklists.restore() == 2
    assert await kept(database) == [b"2"]
    assert await database.pool.fetchrow("SELECT * FROM worklists ORDER BY id") == before[0]
    assert await worklists.restore() == 0


async def test_a_database_that_was_set_back_is_brought_up_to_date(
    worklists: Worklists, database: Database
) -> None:
    """It has neither the state from before a change nor what was deleted since."""
    one, two = entry(tags=b"1"), entry(tags=b"gone")
    await worklists.put(one)
    await worklists.put(two)
    backup = await database.pool.fetch("SELECT id, changed FROM worklists")
    await worklists.put(entry(one.worklist_id, b"2", replace=True))
    await worklists.delete(DeleteWorklist(two.worklist_id))
    for row in backup:
        await database.pool.execute(
            "UPDATE worklists SET tags = 'back', deleted = false, changed = $2 WHERE id = $1", *row
        )
    assert await worklists.restore() == 2
    assert await kept(database) == [b"2"]


class UnwritableNotes:
    async def put(self, name: str, body: bytes) -> None:
        raise Unavailable("The objects cannot be written")


class UnwritableObjects:
    notes = UnwritableNotes()


async def test_what_is_not_noted_is_not_written(database: Database) -> None:
    """Nobody is told that an entry is safe which the next loss would take."""
    objects: Any = UnwritableObjects()
    worklists = Worklists(database, objects, WorklistsSettings(), 14)
    with pytest.raises(Unavailable):
        await worklists.put(entry())
    assert await kept(database) == []


async def test_a_reader_finds_the_days_that_it_asks_for(
    worklists: Worklists, database: Database
) -> None:
    """An entry whose days are not known may be of any day; of many, none is read twice."""
    days = {b"5": ("20240105", "20240105"), b"5-9": ("20240105", "20240109"), b"?": ("", "")}
    for tags, (first, last) in days.items():
        await worklists.put(entry(tags=tags, first_day=first, last_day=last))
    assert await kept(database, "20240105", "20240105") == [b"5", b"5-9", b"?"]
    assert await kept(database, "20240107", "20240108") == [b"5-9", b"?"]
    assert await kept(database, "20240110") == [b"?"]
    assert await kept(database, "", "20240104") == [b"?"]
    for number in range(2 * PAGE):
        await worklists.put(entry(tags=b"%d" % number, first_day="20300101", last_day="20300101"))
    expected = [b"%d" % number for number in range(2 * PAGE)]
    assert await kept(database, "20300101") == [b"?", *expected]
    assert len(await kept(database)) == 3 + 2 * PAGE


async def test_deletions_are_forgotten(
    open_worklists: Open, database: Database, objects: FileObjects
) -> None:
    """After as long as the store remembers; row and note go."""
    one = entry()
    await open_worklists().put(one)
    await open_worklists().delete(DeleteWorklist(one.worklist_id))
    await open_worklists().end()
    assert await database.pool.fetchval("SELECT count(*) FROM worklists") == 1
    await open_worklists(remember_days=0).end()
    assert await database.pool.fetchval("SELECT count(*) FROM worklists") == 0
    assert [name async for name in objects.notes.names("worklists")] == []
