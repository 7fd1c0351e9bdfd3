# SPDX-License-Identifier: Apache-2.0
"""What is deleted reaches those whom scripts of others wait for, and no log."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from nats.js.api import AckPolicy, ConsumerConfig

from pons.bus import Bus
from pons.bus.connection import SCRIPTS
from pons.messages.events import Changes, Deletion, InstanceReceived
from pons_index.relay import RUN, Relay
from pons_testing.events import ids, received
from pons_testing.nats import NatsServer

pytestmark = pytest.mark.anyio
Index = Any
OpenIndex = Any


@pytest.fixture
async def bus(broker: NatsServer) -> AsyncIterator[Bus]:
    """With somebody who hears of deletions."""
    async with broker.bus() as bus:
        reader = ConsumerConfig(durable_name=SCRIPTS, ack_policy=AckPolicy.EXPLICIT)
        await bus.stream.add_consumer(bus.names.changes_stream, reader)
        yield bus


async def published(bus: Bus) -> list[Changes]:
    state = (await bus.stream.stream_info(bus.names.changes_stream)).state
    messages = [
        await bus.stream.get_msg(bus.names.changes_stream, number)
        for number in range(state.first_seq, state.last_seq + 1)
    ]
    return [msgspec.msgpack.decode(message.data or b"", type=Changes) for message in messages]


async def waiting(index: Index) -> int:
    return int(await index.value("SELECT count(*) FROM deletions"))


async def test_what_is_gone_is_told_once_and_logged_nowhere(index: Index, bus: Bus) -> None:
    """The resource and everything below it, and its ancestors that are empty then."""
    first, second = received("1.1", series_uid="1.1"), received("1.2", series_uid="1.2")
    relay = Relay(index.database, bus)
    await index.write(first, second)
    await relay.publish_all()
    await index.delete("Series", ids(first).series)
    await relay.publish_all()
    await index.delete("Instance", ids(second).instance)
    await relay.publish_all()
    await relay.publish_all()
    new, one, rest = await published(bus)
    last = new.changes[-1].seq
    assert new.deletions == []
    assert one == Changes(
        [],
        [
            Deletion(last, "Instance", ids(first).instance),
            Deletion(last, "Series", ids(first).series),
        ],
    )
    assert rest == Changes(
        [],
        [
            Deletion(last, "Instance", ids(second).instance),
            Deletion(last, "Series", ids(second).series),
            Deletion(last, "Study", ids(second).study),
            Deletion(last, "Patient", ids(second).patient),
        ],
    )
    assert await index.changes() == []
    assert await waiting(index) == 0


async def test_nothing_is_told_of_a_deletion_that_failed(index: Index, bus: Bus) -> None:
    """It is written with the deletion, or not at all."""
    event = received("1.1")
    await index.write(event)
    await index.database.pool.execute(
        "ALTER TABLE totals ADD CONSTRAINT none_goes CHECK (instances > 0)"
    )
    with pytest.raises(Exception, match="none_goes"):
        await index.delete("Patient", ids(event).patient)
    assert await waiting(index) == 0


async def test_nobody_to_tell(index: Index, broker: NatsServer) -> None:
    """Without functions of scripts no message is made, and nothing gathers."""
    event = received("1.1")
    async with broker.bus() as bus:
        relay = Relay(index.database, bus)
        await index.write(event)
        await relay.publish_all()
        await index.delete("Patient", ids(event).patient)
        assert await waiting(index) == 4
        await relay.publish_all()
        assert len(await published(bus)) == 1
    assert await waiting(index) == 0


async def test_a_large_deletion_is_cut_where_nothing_changes_places(index: Index, bus: Bus) -> None:
    """What comes again after more deletions than a message has is told after all of them."""
    await index.database.pool.execute(
        "INSERT INTO deletions (after, level, resource_id)"
        " SELECT 3, 3, sha1.id FROM generate_series(1, $1::int) n,"
        " (SELECT decode(repeat('ab', 20), 'hex') AS id) sha1",
        RUN + 5,
    )
    await index.write(received("1.1"))  # changes 1 to 4
    await Relay(index.database, bus).publish_all()
    runs = await published(bus)
    assert [[change.seq for change in run.changes] for run in runs] == [[1, 2, 3], [4]]
    assert [len(run.deletions) for run in runs] == [RUN, 5]
    assert max(len(msgspec.msgpack.encode(run)) for run in runs) < 300_000


async def test_many_changes_are_told_before_a_later_deletion(index: Index, bus: Bus) -> None:
    await index.database.pool.execute(
        "INSERT INTO changes SELECT n, 1, 2, n, sha1.id, now() FROM generate_series(1, $1::int) n,"
        " (SELECT decode(repeat('ab', 20), 'hex') AS id) sha1",
        RUN + 10,
    )
    await index.database.pool.execute(
        "INSERT INTO deletions (after, level, resource_id)"
        " SELECT n, 1, sha1.id FROM unnest($1::bigint[]) n,"
        " (SELECT decode(repeat('ab', 20), 'hex') AS id) sha1",
        [1, RUN, RUN + 10],
    )
    await Relay(index.database, bus).publish_all()
    runs = await published(bus)
    assert [len(run.changes) for run in runs] == [RUN, 10]
    assert [[one.after for one in run.deletions] for run in runs] == [[1], [RUN, RUN + 10]]


async def test_what_goes_and_comes_again_is_told_so(open_index: OpenIndex, bus: Bus) -> None:
    """While one replica deletes and stores again and another publishes, no resource is told to be
    there while it is gone."""
    writer, other = open_index(), open_index()
    relay = Relay(other.database, bus)
    event = received("1.1")
    done = False

    async def publish() -> None:
        while not done:
            await relay.publish_all()

    async with asyncio.TaskGroup() as group:
        group.create_task(publish())
        for _ in range(40):
            await writer.write(received("1.1"))
            await writer.delete("Patient", ids(event).patient)
        done = True
    await relay.publish_all()
    told = [kind for run in await published(bus) for kind in heard(run, event)]
    assert told.count("gone") == 40
    assert "new" in told
    for before, after in pairwise(told):
        assert (before, after) != ("new", "new"), "a deletion was told after what followed it"


def heard(run: Changes, event: InstanceReceived) -> list[str]:
    """What a run tells of the instance, in its order."""
    instance = ids(event).instance
    news = [(one.seq, 0, "new") for one in run.changes if one.resource_id == instance]
    gone = [(one.after, 1, "gone") for one in run.deletions if one.resource_id == instance]
    return [what for _, _, what in sorted([*news, *gone])]
