# SPDX-License-Identifier: Apache-2.0
"""A week of what the store did, as the index keeps it and the catalog tells it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from pons.bus import Bus
from pons.catalog.connection import Reader
from pons.catalog.history import History as Kept
from pons.catalog.history import Step
from pons.errors import Unavailable
from pons.health.pulse import Pulse
from pons.ingest.backlog import Backlog, read_backlog
from pons.messages.events import Announcement
from pons.objects import Kind
from pons.objects.keys import first_key, key_time, new_key
from pons.settings import DatabaseSettings, Settings, StorageSettings
from pons_index.history import History, Waiting, look
from pons_index.sweep import TRY_LOCK
from pons_index.turns import Turn
from pons_testing.events import received
from pons_testing.waiting import until

from .conftest import Index

pytestmark = pytest.mark.anyio

QUIET = Waiting(Backlog(0, 0.0), 0, 0, 5000)
BUSY = Waiting(Backlog(7, 3.5), 2, 1, 4000)


class Clock:
    """What is seen, and time that passes: points and objects become older."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.seen = QUIET
        self.history = History(index.database, self.look, Pulse("history"))

    async def look(self) -> Waiting:
        return self.seen

    async def passes(self, **time: int) -> None:
        """So much time passes: to the points, the clock is further by as much."""
        rows = await self.index.fetch("DELETE FROM history RETURNING *")
        columns = ", ".join(rows[0].keys()) if rows else ""
        for row in rows:
            values = dict(row) | {"at": row["at"] - timedelta(**time)}
            places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
            await self.index.database.pool.execute(
                f"INSERT INTO history ({columns}) VALUES ({places})",
                *values.values(),
            )

    async def points(self) -> list[Any]:
        return await self.index.fetch(
            "SELECT step, at, seconds, received, received_bytes, settled, queue FROM history"
            " ORDER BY at"
        )


@pytest.fixture
def clock(index: Index) -> Clock:
    return Clock(index)


async def last_minute(index: Index) -> datetime:
    """The last whole minute of the database; never one that is about to end."""
    while True:
        row = await index.database.pool.fetchrow(
            "SELECT date_trunc('minute', now()) - interval '1 minute' AS minute,"
            " extract(second FROM now())::float8 AS second"
        )
        if row["second"] < 50:
            minute: datetime = row["minute"]
            return minute
        await asyncio.sleep(60 - row["second"])


async def came(index: Index, uid: str, moment: datetime, kind: Kind = Kind.ANNOUNCED) -> None:
    """An instance of 100 bytes whose object was made at `moment`."""
    made = first_key(moment).int >> 80 << 80 | new_key(kind).int & (1 << 80) - 1
    event = msgspec.structs.replace(received(uid, content=b"x" * 100), object_key=UUID(int=made))
    assert await index.write(event) == ["Success"]


@pytest.fixture
async def kept(database_settings: DatabaseSettings) -> AsyncIterator[Kept]:
    """What the catalog reads."""
    reader = Reader(database_settings.reader_url or database_settings.url, 1)
    yield Kept(reader)
    reader.close()


def known(steps: list[Step]) -> list[Step]:
    return [one for one in steps if one.known is not None]


def test_first_key_of_a_moment() -> None:
    """What is made from then on is not less, what is made before is."""
    moment = datetime(2026, 5, 14, 10, 12, 13, 250000, tzinfo=UTC)
    nanoseconds = 1778753533_250_000_000
    assert key_time(UUID(int=first_key(moment).int | 7 << 76 | 2 << 62)) == moment
    assert first_key(moment) < new_key(clock=lambda: nanoseconds)
    assert first_key(moment) > first_key(moment - timedelta(milliseconds=1))


async def test_a_minute(index: Index, clock: Clock, kept: Kept) -> None:
    """What came within the minute is counted, once, with what is held and what waits."""
    minute = await last_minute(index)
    for number, second in enumerate((-1, 0, 59, 60)):
        await came(index, f"1.{number}", minute + timedelta(seconds=second))
    await came(index, "2.1", minute + timedelta(seconds=5), Kind.REFERRED)
    clock.seen = BUSY
    pause = await clock.history.keep()
    assert 0 < pause <= 60
    await clock.history.keep()
    (point,) = await clock.points()
    assert tuple(point) == (60, minute, 60, 2, 200, False, 7)
    (step,) = known(await kept.read(1, 60))
    assert step.at == int(minute.timestamp())
    assert step.known is not None
    assert (step.known.instances, step.known.studies, step.known.free) == (5, 1, 4000)
    assert (step.known.lag, step.known.jobs_waiting, step.known.jobs_failed) == (3.5, 2, 1)


async def test_one_point_by_several_replicas(index: Index) -> None:
    """Four that keep the same minute at once keep one point."""
    await last_minute(index)
    clocks = [Clock(index) for _ in range(4)]
    await asyncio.gather(*(one.history.keep() for one in clocks))
    assert len(await clocks[0].points()) == 1


async def test_what_takes_hours_leaves_no_gap(index: Index, clock: Clock) -> None:
    """A replica that compares all objects with the index has a turn of its own."""
    await last_minute(index)
    async with index.database.pool.acquire() as sweeping:
        assert await sweeping.fetchval(TRY_LOCK, Turn.SWEEPING)
        await clock.history.keep()
        assert len(await clock.points()) == 1
        await sweeping.execute("SELECT pg_advisory_unlock_all()")


async def test_what_is_indexed_late_is_counted_once_nothing_waits(
    index: Index, clock: Clock
) -> None:
    """A minute is counted again while the index was behind, and never after it has settled."""
    minute = await last_minute(index)
    clock.seen = BUSY
    await clock.history.keep()
    await came(index, "1.1", minute + timedelta(seconds=1))
    await clock.passes(minutes=1)
    await index.database.pool.execute(
        "UPDATE instances SET object_key = $1",
        UUID(int=first_key(minute - timedelta(seconds=59)).int | 2),
    )
    await clock.history.keep()
    assert [(one["received"], one["settled"]) for one in await clock.points()] == [
        (0, False),
        (0, False),
    ]
    await clock.passes(minutes=1)
    await index.database.pool.execute(
        "UPDATE instances SET object_key = $1",
        UUID(int=first_key(minute - timedelta(seconds=119)).int | 2),
    )
    clock.seen = QUIET
    await clock.history.keep()
    assert [(one["received"], one["settled"]) for one in await clock.points()] == [
        (1, True),
        (0, True),
        (0, False),
    ]


async def test_gaps_stay(index: Index, clock: Clock, kept: Kept) -> None:
    """A minute that nobody looked at has no point, and the catalog says so."""
    await last_minute(index)
    await clock.history.keep()
    await clock.passes(minutes=3)
    await clock.history.keep()
    steps = await kept.read(1, 60)
    assert [one.known is not None for one in steps[-4:]] == [True, False, False, True]
    assert len(steps) == 60


async def test_a_clock_that_ran_ahead(index: Index, clock: Clock) -> None:
    """When it is set back, its points of the future go; the minutes are kept as they come."""
    await last_minute(index)
    await clock.history.keep()
    await clock.passes(hours=-30)
    minute = await last_minute(index)
    await clock.history.keep()
    (point,) = await clock.points()
    assert point["at"] == minute


async def test_a_clock_that_stood_behind(index: Index, clock: Clock, kept: Kept) -> None:
    """When it is set forward, there is a gap, and nothing before it is lost."""
    await last_minute(index)
    await clock.history.keep()
    await clock.passes(hours=5)
    await clock.history.keep()
    assert len(await clock.points()) == 2
    assert len(known(await kept.read(6, 60))) == 2


async def test_a_week(index: Index, clock: Clock, kept: Kept) -> None:
    """Minutes of yesterday become ten minutes, with sums, worst and last; after a week they go."""
    await index.database.pool.execute(
        """
        INSERT INTO history
        SELECT 60, at, 60, 6, 600, true, n, 10 * n, 1000 * n, 50 - n, n, n / 2.0, 0, n
        FROM generate_series(0, 9) AS n,
            LATERAL (SELECT date_bin('10 minutes', now() - interval '25 hours', 'epoch')
                + n * interval '1 minute' AS at) AS that
        WHERE n <> 4
        """
    )
    await last_minute(index)
    await clock.history.keep()
    old, _new = await clock.points()
    assert (old["step"], old["seconds"], old["received"], old["queue"]) == (600, 540, 54, 9)
    steps = known(await kept.read(168, 600))
    assert steps[0].known is not None
    assert (steps[0].known.instances, steps[0].known.lag, steps[0].known.free) == (90, 4.5, 41)
    assert len(known(await kept.read(24, 60))) == 1
    await clock.passes(hours=150)
    await clock.history.keep()
    assert [one["step"] for one in await clock.points()] == [600, 60]  # the oldest is gone


async def test_what_cannot_be_seen_is_a_gap(index: Index) -> None:
    """While NATS is away there is no point, and the pulse says why without failing the index."""

    async def away() -> Waiting:
        raise Unavailable("NATS does not answer")

    pulse = Pulse("history", float("inf"))
    history = History(index.database, away, pulse)
    task = asyncio.create_task(history.keep_forever())
    await until(lambda: bool(pulse.cause))
    task.cancel()
    assert (pulse.cause, pulse.trouble) == ("NATS does not answer", "")
    assert await index.value("SELECT count(*) FROM history") == 0


async def test_backlog(bus: Bus) -> None:
    """Without a reader nothing is known to wait; with one, what it has not written does."""
    assert await read_backlog(bus) == Backlog(0, 0.0)
    await bus.stream.add_consumer(
        bus.names.ingest_stream, durable_name="index", ack_policy="explicit"
    )
    assert (await read_backlog(bus)).announcements == 0
    await bus.stream.publish(bus.names.received, msgspec.msgpack.encode(Announcement("tests", [])))

    async def waits() -> bool:
        """The reader's count follows what the stream has acknowledged."""
        return (await read_backlog(bus)).announcements == 1

    await until(waits)
    assert 0 <= (await read_backlog(bus)).seconds < 60


async def test_look(bus: Bus, tmp_path: Any) -> None:
    """The disk is that of the objects; on S3 there is none."""
    there = await look(bus, Settings(storage=StorageSettings(path=tmp_path)))
    assert there.free is not None
    assert there.free > 0
    elsewhere = StorageSettings(kind="s3", s3_endpoint="127.0.0.1:1", s3_bucket="b")
    assert (await look(bus, Settings(storage=elsewhere))).free is None
