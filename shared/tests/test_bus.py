# SPDX-License-Identifier: Apache-2.0
"""The bus against a real nats-server: what is kept, what is told, and how it goes away and back."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import nats.js.errors
import pytest
from nats.aio.msg import Msg
from nats.js.api import DiscardPolicy
from structlog.testing import capture_logs

from pons.bus import Bus, open_bus
from pons.errors import Unavailable
from pons.messages.names import Names
from pons_testing.folders import take_away
from pons_testing.nats import NatsServer, delete_streams, nats_server
from pons_testing.waiting import until

pytestmark = pytest.mark.anyio


async def kept(bus: Bus, stream: str) -> int:
    """How many messages a stream has."""
    return int((await bus.stream.stream_info(stream)).state.messages)


async def test_what_is_published_is_kept(bus: Bus) -> None:
    """When `publish` returns, the message is in the stream."""
    await bus.publish(bus.names.received, b"one")
    await bus.publish(bus.names.received, b"two")
    assert await kept(bus, bus.names.ingest_stream) == 2


async def test_a_message_that_is_published_twice_with_its_id_is_kept_once(bus: Bus) -> None:
    """A relay that repeats after a failure doubles nothing."""
    await bus.publish(bus.names.changes, b"run", "main-17")
    await bus.publish(bus.names.changes, b"run", "main-17")
    await bus.publish(bus.names.changes, b"run", "main-18")
    assert await kept(bus, bus.names.changes_stream) == 2


async def test_what_no_stream_keeps_is_not_published(bus: Bus) -> None:
    """A subject without a stream is `Unavailable`, not a silent loss."""
    with pytest.raises(Unavailable, match="The event stream does not answer"):
        await bus.publish("pons.nobody.listens", b"")


async def test_each_of_many_messages_hears_its_own_answer(bus: Bus) -> None:
    """Those that are kept, and those between them that nobody keeps."""
    subjects = [bus.names.received, "pons.nobody.listens"] * 50
    said = await asyncio.gather(
        *(bus.publish(subject, b"x") for subject in subjects), return_exceptions=True
    )
    assert said[::2] == [None] * 50
    assert all(isinstance(error, Unavailable) for error in said[1::2])
    assert await kept(bus, bus.names.ingest_stream) == 50


async def test_what_the_server_does_not_keep_is_told_for_a_while(
    own_broker: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server whose files are gone answers every question, but keeps nothing: not ready."""
    async with open_bus(own_broker.settings()) as bus:
        await bus.publish(bus.names.received, b"one")
        await bus.check()
        take_away(own_broker.embedded.folder / "jetstream")
        with suppress(nats.js.errors.APIError):  # from here on it needs a new file
            await bus.stream.purge_stream(bus.names.ingest_stream)
        with pytest.raises(Unavailable, match="The event stream does not answer"):
            await bus.publish(bus.names.received, b"two")
        with pytest.raises(Unavailable, match="NATS does not keep what is published"):
            await bus.check()
        monkeypatch.setattr("pons.bus.connection.REFUSED_FOR", 0.0)
        await bus.check()


async def test_a_store_has_its_streams_and_its_name_in_each(bus: Bus) -> None:
    """Two stores on one server share no stream and no subject."""
    store = bus.names.store
    streams = [info.config for info in await bus.stream.streams_info()]
    ours = {config.name: config.subjects for config in streams if store in str(config.name)}
    assert ours == {
        f"{store}-ingest": [f"pons.{store}.instance.received"],
        f"{store}-refused": [f"pons.{store}.instance.refused"],
        f"{store}-changes": [f"pons.{store}.change"],
        f"KV_{store}-jobs": [f"$KV.{store}-jobs.>"],
        f"KV_{store}-config": [f"$KV.{store}-config.>"],
        f"KV_{store}-uploads": [f"$KV.{store}-uploads.>"],
        f"KV_{store}-queries": [f"$KV.{store}-queries.>"],
        f"KV_{store}-commitments": [f"$KV.{store}-commitments.>"],
        f"KV_{store}-sessions": [f"$KV.{store}-sessions.>"],
        f"KV_{store}-contacts": [f"$KV.{store}-contacts.>"],
        f"{store}-routes": [f"pons.{store}.route.>"],
    }


async def test_a_store_of_a_test_leaves_nothing(broker: NatsServer, bus: Bus) -> None:
    """Else the server that the tests share has more files open with each of them."""
    async with broker.bus() as other:
        store = other.names.store
        assert any(store in str(one.config.name) for one in await bus.stream.streams_info())
    assert not any(store in str(one.config.name) for one in await bus.stream.streams_info())


async def test_every_name_holds_the_stores() -> None:
    """A name without the store's would be shared by all stores of a server."""
    names = Names("nm")
    properties = [name for name, kind in vars(Names).items() if isinstance(kind, property)]
    assert len(properties) == 17
    made = [getattr(names, name) for name in properties]
    made += [names.reply("x"), names.command("x", "y"), names.moved("X Y.*", "7")]
    assert [name for name in made if not name.startswith(("pons.nm.", "nm-"))] == []


async def limit(bus: Bus, stream: str) -> int | None:
    return (await bus.stream.stream_info(stream)).config.max_bytes


async def test_streams_have_the_room_that_is_set(broker: NatsServer) -> None:
    """On a small disk the launcher sets less than the usual 512 MB."""
    settings = broker.settings()
    nats = settings.nats.model_copy(update={"changes_mb": 8})
    async with open_bus(settings.model_copy(update={"nats": nats})) as bus:
        assert await limit(bus, bus.names.changes_stream) == 8 << 20
        assert await limit(bus, bus.names.refused_stream) == 1 << 20
        await delete_streams(bus)


async def test_a_server_with_little_room_gets_smaller_streams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would refuse the usual ones, and the store would wait for ever."""
    monkeypatch.setattr("pons_embedded.nats.streams_bytes", lambda _folder: 100 << 20)
    with nats_server(tmp_path / "small") as server:
        async with server.bus() as bus, asyncio.timeout(60):
            await bus.check()
            changes = await limit(bus, bus.names.changes_stream) or 0
            refused = await limit(bus, bus.names.refused_stream) or 0
            assert 0 < changes + refused <= 100 << 20


async def test_services_that_start_together_make_the_streams_together(broker: NatsServer) -> None:
    """Each service creates what is missing, and none fails because another was faster."""
    settings = broker.settings()
    async with (
        asyncio.timeout(60),
        open_bus(settings) as first,
        open_bus(settings) as second,
    ):
        await delete_streams(first)
        await asyncio.gather(first.ensure_streams(), second.ensure_streams())
        await second.publish(second.names.received, b"")
        assert await kept(first, first.names.ingest_stream) == 1
        await delete_streams(first)


async def test_stores_do_not_hear_each_other(broker: NatsServer) -> None:
    """The same subject of two stores on one server is two subjects."""
    heard: list[str] = []

    async def hear(message: Msg) -> None:
        heard.append(message.data.decode())

    async with broker.bus() as one, broker.bus() as other:
        await one.subscribe(one.names.reply("p"), hear)
        await other.send(other.names.reply("p"), b"theirs")
        await other.client.flush()
        await one.send(one.names.reply("p"), b"ours")
        await until(lambda: heard)
    assert heard == ["ours"]


@pytest.mark.parametrize("concurrent", [1, 3])
async def test_callbacks_overlap_only_as_far_as_they_may(bus: Bus, concurrent: int) -> None:
    """Answers are heard one after the other; commands do not wait for each other, up to a bound."""
    running, most = 0, 0
    release = asyncio.Event()

    async def slow(_message: Msg) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await release.wait()
        running -= 1

    subscription = await bus.subscribe("pons.test.slow", slow, concurrent=concurrent)
    for _ in range(5):
        await bus.send("pons.test.slow", b"")
    await until(lambda: running == concurrent)
    release.set()
    await until(lambda: running == 0 and subscription.pending_msgs == 0)
    assert most == concurrent


async def test_a_callback_that_fails_is_a_bug_in_the_log(bus: Bus) -> None:
    """The subscription goes on, and the error is logged with its traceback."""
    heard: list[bytes] = []

    async def fail_once(message: Msg) -> None:
        heard.append(message.data)
        if len(heard) == 1:
            raise KeyError("ours")

    with capture_logs() as logs:
        await bus.subscribe("pons.test.failing", fail_once)
        await bus.send("pons.test.failing", b"1")
        await bus.send("pons.test.failing", b"2")
        await until(lambda: heard == [b"1", b"2"])
    [entry] = logs
    assert (entry["event"], entry["log_level"]) == ("nats callback failed", "error")
    assert isinstance(entry["exc_info"], KeyError)


async def test_concurrent_callbacks_end_with_the_bus(broker: NatsServer) -> None:
    """What is under way when a service ends is cancelled, not left behind."""
    ended: list[str] = []

    async def slow(_message: Msg) -> None:
        ended.append("started")
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    async with broker.bus() as bus:
        await bus.subscribe("pons.test.ending", slow, concurrent=2)
        await bus.send("pons.test.ending", b"")
        await until(lambda: ended == ["started"])
    assert ended == ["started", "cancelled"]


async def test_a_changed_setting_reaches_streams_that_are_there(own_broker: NatsServer) -> None:
    """A stream from another version, or another setting, is made as it should be now."""
    async with own_broker.bus("main") as bus:
        names = bus.names
        for stream, changes in {
            names.changes_stream: {"max_age": 3600.0, "max_bytes": 1 << 20, "duplicate_window": 60},
            names.ingest_stream: {"discard": DiscardPolicy.OLD, "subjects": [names.received, "x"]},
            f"KV_{names.uploads_bucket}": {"max_age": 7200.0},
        }.items():
            config = (await bus.stream.stream_info(stream)).config
            await bus.stream.update_stream(replace(config, **changes))
        await bus.publish(names.changes, b"kept")
        with capture_logs() as logs:
            async with open_bus(own_broker.settings("main")):
                pass
        changed = [(line["stream"], line["setting"]) for line in logs if "setting" in line]
        assert len(changed) == 6
        config = (await bus.stream.stream_info(names.changes_stream)).config
        assert (config.max_age, config.max_bytes) == (14 * 24 * 3600, 512 * 1024**2)
        assert config.duplicate_window == 120
        config = (await bus.stream.stream_info(names.ingest_stream)).config
        assert (config.discard, config.subjects) == (DiscardPolicy.NEW, [names.received])
        config = (await bus.stream.stream_info(f"KV_{names.uploads_bucket}")).config
        assert config.max_age == 3600
        assert await kept(bus, names.changes_stream) == 1
        with capture_logs() as logs:
            async with open_bus(own_broker.settings("main")):
                pass
        assert [line for line in logs if "setting" in line] == []


async def test_a_setting_that_the_server_does_not_take_is_said(own_broker: NatsServer) -> None:
    """Copies on a single server: the store starts, and says which setting is not in force."""
    async with own_broker.bus("main"):
        settings = own_broker.settings("main")
        three = settings.model_copy(
            update={"nats": settings.nats.model_copy(update={"replicas": 3})}
        )
        with capture_logs() as logs:
            async with open_bus(three) as bus:
                await bus.publish(bus.names.received, b"works")
        told = [line for line in logs if line["event"] == "stream keeps its setting"]
        assert len(told) == 11
        assert {line["setting"] for line in told} == {"copies (setting nats.replicas)"}
        assert {(line["is_now"], line["wanted"], line["log_level"]) for line in told} == {
            (1, 3, "warning")
        }
        assert all(line["reason"] for line in told)
