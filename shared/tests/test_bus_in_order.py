# SPDX-License-Identifier: Apache-2.0
"""A stream's messages in their order, what tells that some may be missing, and what waiting for
them costs."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from types import SimpleNamespace

import pytest
from nats.aio.msg import Msg
from nats.errors import NoServersError
from nats.js.api import DeliverPolicy, Header
from nats.js.errors import NotFoundError

from pons.bus import Bus, watch
from pons.bus.in_order import SILENCE, STALLED, InOrder, OrderLost, in_order
from pons.bus.watch import Entry, Snapshot, watch_keys
from pons.jobs.worker import LEASE
from pons_testing.nats import NatsServer
from pons_testing.waiting import timers_at_rest, until

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def reading(bus: Bus) -> AsyncIterator[InOrder]:
    names = bus.names
    async with in_order(bus, names.changes_stream, names.changes, DeliverPolicy.ALL) as messages:
        yield messages


async def consumers(bus: Bus) -> list[str]:
    """Who reads the stream of changes, but for those that stay there."""
    there = await bus.stream.consumers_info(bus.names.changes_stream)
    return [one.name for one in there if not one.config.durable_name]


async def test_what_is_kept_comes_first_and_what_comes_follows(bus: Bus) -> None:
    """Each in its turn, and nothing of the reader is left behind."""
    for number in range(3):
        await bus.publish(bus.names.changes, b"%d" % number)
    subscriptions = len(bus.client._subs)
    async with reading(bus) as messages:
        assert [(await messages.next()).data for _ in range(3)] == [b"0", b"1", b"2"]
        await bus.publish(bus.names.changes, b"3")
        assert (await messages.next()).data == b"3"
        assert len(await consumers(bus)) == 1
        timer = messages._looking
    assert await consumers(bus) == []
    assert len(bus.client._subs) == subscriptions
    assert bus.connection._on_found == []
    assert timer.cancelled()


async def test_a_reader_that_is_slow_gets_everything(bus: Bus) -> None:
    """The server waits for its word that there is room: 64 MB at once are too much for a client."""
    body = bytes(700_000)
    for number in range(60):
        await bus.publish(bus.names.changes, b"%3d" % number + body)
    async with reading(bus) as messages:
        await asyncio.sleep(1)
        assert messages._arrived.qsize() < 60, "nothing bounds what waits to be read"
        numbers = [int((await messages.next()).data[:3]) for _ in range(60)]
    assert numbers == list(range(60))


async def test_a_message_that_is_missing_is_noticed(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the next one, which has a number that is not the next."""
    monkeypatch.setattr(InOrder, "arrive", _without(b"1", InOrder.arrive))
    async with reading(bus) as messages:
        for number in range(3):
            await bus.publish(bus.names.changes, b"%d" % number)
        assert (await messages.next()).data == b"0"
        with pytest.raises(OrderLost, match="message 3 came where 2 was to come"):
            await messages.next()


async def test_the_last_message_is_missed_by_the_next_sign_of_life(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing has to come after it."""
    monkeypatch.setattr("pons.bus.in_order.HEARTBEAT", 0.5)
    monkeypatch.setattr(InOrder, "arrive", _without(b"1", InOrder.arrive))
    async with reading(bus) as messages:
        for number in range(2):
            await bus.publish(bus.names.changes, b"%d" % number)
        assert (await messages.next()).data == b"0"
        with pytest.raises(OrderLost, match="1 of 2 messages came"):
            async with asyncio.timeout(30):
                await messages.next()


async def test_a_reader_that_the_server_forgot_is_told(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing comes any more, not even a sign of life; while these come, there is no trouble."""
    monkeypatch.setattr("pons.bus.in_order.HEARTBEAT", 0.2)
    monkeypatch.setattr("pons.bus.in_order.SILENCE", 2.0)
    async with reading(bus) as messages:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(4):
                await messages.next()
        (consumer,) = await consumers(bus)
        await bus.stream.delete_consumer(bus.names.changes_stream, consumer)
        with pytest.raises(OrderLost):
            async with asyncio.timeout(30):
                await messages.next()


@pytest.mark.parametrize(
    ("reply", "headers"),
    [
        ("answer.here", {Header.STATUS: "100", Header.DESCRIPTION: "FlowControl Request"}),
        ("", {Header.STATUS: "100", STALLED: "answer.here"}),
    ],
)
async def test_whoever_the_server_waits_for_says_that_there_is_room(
    bus: Bus, monkeypatch: pytest.MonkeyPatch, reply: str, headers: dict[str, str]
) -> None:
    """It asks by a message of its own, and once more with each sign of life until it is answered:
    one of the two may get lost. A sign of life alone asks for nothing."""
    answered: list[str] = []

    async def publish(subject: str) -> None:
        answered.append(subject)

    monkeypatch.setattr(bus.client, "publish", publish)
    messages = InOrder(bus)
    for asking, told in ((reply, headers), ("", {Header.STATUS: "100"})):
        await messages.arrive(Msg(bus.client, reply=asking, headers=dict(told)))
    messages.lose("this was all")
    with pytest.raises(OrderLost, match="this was all"):
        await messages.next()
    messages.end()
    assert answered == ["answer.here"]


async def test_keys_are_read_anew_where_the_server_forgot_who_follows_them(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written meanwhile is in the new snapshot."""
    monkeypatch.setattr("pons.bus.in_order.SILENCE", 1.0)
    name = bus.names.config_bucket
    bucket = await bus.bucket(name)
    async with aclosing(watch_keys(bus, name)) as items, asyncio.timeout(30):
        assert await anext(items) == Snapshot({})
        (consumer,) = await bus.stream.consumers_info(f"KV_{name}")
        await bus.stream.delete_consumer(f"KV_{name}", consumer.name)
        revision = await bucket.put("modality.ct", b"{}")
        assert await anext(items) == Snapshot(
            {"modality.ct": Entry("modality.ct", b"{}", revision)}
        )


async def test_keys_are_read_anew_as_soon_as_the_server_is_back(
    own_broker: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without waiting for a sign of life that does not come."""
    monkeypatch.setattr("pons.bus.in_order.SILENCE", 3600.0)
    async with own_broker.bus() as bus:
        bucket = await bus.bucket(bus.names.config_bucket)
        async with aclosing(watch_keys(bus, bus.names.config_bucket)) as items:
            revision = await bucket.put("peer.a", b"{}")
            there = {"peer.a": Entry("peer.a", b"{}", revision)}
            assert await anext(items) in (Snapshot(there), Snapshot({}))
            following = asyncio.create_task(_snapshot(items))
            own_broker.embedded.stop()
            await until(lambda: not bus.client.is_connected)
            await asyncio.to_thread(own_broker.embedded.start)
            async with asyncio.timeout(60):
                assert (await following).entries == there


async def _snapshot(items: AsyncIterator[Snapshot | Entry]) -> Snapshot:
    async for item in items:
        if isinstance(item, Snapshot):
            return item
    raise AssertionError("keys are followed for ever")


async def test_who_waits_for_keys_costs_nothing_while_none_change(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten who follow do not wake the process: a store at rest has some thirty of them."""
    followers = [aclosing(watch_keys(bus, bus.names.config_bucket)) for _ in range(10)]
    try:
        waiting = []
        for one in followers:
            items = await one.__aenter__()
            assert await anext(items) == Snapshot({})
            waiting.append(asyncio.ensure_future(anext(items)))
        assert await timers_at_rest(monkeypatch) < 10
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        for one in followers:
            await one.__aexit__(None, None, None)


def test_silence_is_noticed_before_a_job_seems_to_be_nobodys() -> None:
    """Signs of life of other jobs come every third of a lease; who hears none has lost its reader,
    and the owner is well."""
    assert SILENCE + LEASE / 3 < LEASE


async def test_a_snapshot_is_not_of_the_connection_before(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came by it may be old when the server is found again."""
    bucket = await bus.bucket(bus.names.config_bucket)
    await bucket.put("peer.a", b"old")
    plain = watch._existing

    async def existing(bus: Bus, name: str, keys: str) -> set[str]:
        monkeypatch.setattr(watch, "_existing", plain)
        await asyncio.sleep(0.5)  # what there is has come
        await bucket.put("peer.a", b"new")
        bus.client.stats["reconnects"] += 1
        return await plain(bus, name, keys)

    monkeypatch.setattr(watch, "_existing", existing)
    monkeypatch.setattr(InOrder, "arrive", _without(b"new", InOrder.arrive))
    with pytest.raises(OrderLost):
        await watch.read_keys(bus, bus.names.config_bucket)


@pytest.mark.parametrize("error", [OrderLost("one is missing"), NoServersError()])
async def test_a_server_in_trouble_is_asked_less_and_less(
    bus: Bus, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Up to every two seconds; once it has answered, it is asked soon again."""
    waited: list[float] = []
    readers = 0

    async def read_once(*_: object) -> AsyncGenerator[Snapshot, None]:
        nonlocal readers
        readers += 1
        assert readers <= 10, "it does not wait"
        if readers == 8:
            yield Snapshot({})
        raise error

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 10:
            raise asyncio.CancelledError

    monkeypatch.setattr(watch, "_watch_once", read_once)
    monkeypatch.setattr(watch, "asyncio", SimpleNamespace(sleep=sleep))
    with pytest.raises(asyncio.CancelledError):
        async for _ in watch_keys(bus, bus.names.config_bucket):
            pass
    assert waited == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 0.1, 0.2, 0.4])


async def test_who_is_cancelled_while_the_server_refuses_ends(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before Python 3.12 a cancellation that comes with an answer is forgotten, also with a bad
    one; nobody would cancel a second time."""
    tries = 0

    @asynccontextmanager
    async def refused(*_: object) -> AsyncIterator[InOrder]:
        nonlocal tries
        tries += 1
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        raise NotFoundError
        yield

    monkeypatch.setattr(watch, "in_order", refused)
    following = asyncio.create_task(_snapshot(watch_keys(bus, bus.names.config_bucket)))
    done, _ = await asyncio.wait((following,), timeout=5)
    assert done
    assert following.cancelled()
    assert tries == 1


async def test_who_is_cancelled_at_the_end_is_cancelled(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last request of a reader may forget it as well."""

    async def forgetful(*_: object) -> bool:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        return True

    monkeypatch.setattr(bus.stream, "delete_consumer", forgetful)
    reading_once = asyncio.create_task(watch.read_keys(bus, bus.names.config_bucket))
    await asyncio.wait((reading_once,))
    assert reading_once.cancelled()


def _without(
    data: bytes, plain: Callable[[InOrder, Msg], Awaitable[None]]
) -> Callable[[InOrder, Msg], Awaitable[None]]:
    async def arrive(self: InOrder, message: Msg) -> None:
        if message.data != data:
            await plain(self, message)

    return arrive
