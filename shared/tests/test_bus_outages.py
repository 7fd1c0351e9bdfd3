# SPDX-License-Identifier: Apache-2.0
"""NATS that is not there yet, goes, hangs or ends the connection."""

import asyncio
import socket
import time
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import nats.errors
import pytest
from nats.aio.msg import Msg
from nats.aio.transport import TcpTransport
from structlog.testing import capture_logs

from pons.bus import Bus, open_bus
from pons.errors import PonsError, Unavailable
from pons.settings import NatsSettings, Settings, StoreSettings
from pons_testing.crash import hanging
from pons_testing.nats import NatsServer
from pons_testing.streams import serving_streams
from pons_testing.waiting import end_task, until

pytestmark = pytest.mark.anyio


async def kept(bus: Bus, stream: str) -> int:
    """How many messages a stream has."""
    return int((await bus.stream.stream_info(stream)).state.messages)


def tasks() -> set[asyncio.Task[object]]:
    return asyncio.all_tasks()


async def test_a_bus_opens_as_soon_as_the_server_is_there(own_broker: NatsServer) -> None:
    """A service that starts before NATS waits for it."""
    own_broker.embedded.stop()

    async def opened() -> None:
        async with open_bus(own_broker.settings()) as bus:
            await bus.check()

    opening = asyncio.create_task(opened())
    await asyncio.sleep(0)
    assert not opening.done()
    await asyncio.to_thread(own_broker.embedded.start)
    async with asyncio.timeout(60):
        await opening


async def test_while_the_server_is_away_everything_fails_at_once_and_nothing_is_sent_later(
    own_broker: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was told `Unavailable` minutes ago is not surprised when the server is back."""
    monkeypatch.setattr("pons.bus.connection.CHECK_TIMEOUT", 60.0)
    async with own_broker.bus() as bus:
        bus.stream = bus.client.jetstream(timeout=60)
        bus.patience = 60
        await bus.publish(bus.names.received, b"before")
        own_broker.embedded.stop()
        await until(lambda: not bus.client.is_connected)
        began = time.monotonic()
        with pytest.raises(Unavailable, match="NATS is not connected"):
            await bus.publish(bus.names.received, b"meanwhile")
        with pytest.raises(Unavailable, match="NATS is not connected"):
            await bus.check()
        assert time.monotonic() - began < 20
        await asyncio.to_thread(own_broker.embedded.start)
        await until(lambda: bus.client.is_connected)
        await bus.check()
        await bus.publish(bus.names.received, b"after")
        assert await kept(bus, bus.names.ingest_stream) == 2


async def test_subscriptions_survive_a_restart_of_the_server(own_broker: NatsServer) -> None:
    """Nobody has to subscribe again after a reconnection."""
    heard: list[bytes] = []

    async def hear(message: Msg) -> None:
        heard.append(message.data)

    async with own_broker.bus() as bus:
        await bus.subscribe(bus.names.reply("p"), hear)
        own_broker.embedded.stop()
        await until(lambda: not bus.client.is_connected)
        await asyncio.to_thread(own_broker.embedded.start)
        await until(lambda: bus.client.is_connected)
        await bus.send(bus.names.reply("p"), b"again")
        await until(lambda: heard == [b"again"])


async def test_a_server_that_hangs_is_noticed_and_the_connection_outlives_it(
    own_broker: NatsServer,
) -> None:
    """Checks that time out do not break the connection that works again a moment later."""
    async with own_broker.bus() as bus:
        with hanging(own_broker.embedded):
            for _ in range(2):
                began = time.monotonic()
                with pytest.raises(Unavailable, match="NATS does not answer"):
                    await bus.check()
                assert time.monotonic() - began < 20
        async with asyncio.timeout(60):
            await bus.check()
            await bus.publish(bus.names.received, b"")
        assert bus.client.stats["reconnects"] == 0


async def test_a_server_that_hangs_does_not_hold_up_the_end(own_broker: NatsServer) -> None:
    """A bus closes in time although its server takes nothing any more."""
    with ExitStack() as held_up:
        async with open_bus(own_broker.settings()) as bus:
            held_up.enter_context(hanging(own_broker.embedded))
            # More than the socket takes: closing in order would wait until it is all read.
            for _ in range(64):
                await bus.send("pons.nobody.listens", bytes(512 * 1024))
            began = time.monotonic()
        assert time.monotonic() - began < 30


@pytest.mark.parametrize("speaks", [False, True])
async def test_giving_up_while_waiting_leaves_nothing_behind(speaks: bool) -> None:
    """Whether nobody listens or a server says nothing: no task, no socket, no hang."""
    before = tasks()
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if speaks:
            server.listen()
        url = f"nats://127.0.0.1:{server.getsockname()[1]}"

        async def opened() -> None:
            async with open_bus(Settings(nats=NatsSettings(url=url))):
                pytest.fail("there is no server")

        opening = asyncio.create_task(opened())
        await asyncio.wait((opening,), timeout=0.5)
        await end_task(opening)
        assert opening.cancelled()
    await until(lambda: tasks() <= before)


async def test_an_open_bus_that_is_left_leaves_nothing_behind(own_broker: NatsServer) -> None:
    """Closed while connected or while it reconnects, a bus ends its tasks."""
    before = tasks()
    async with open_bus(own_broker.settings()):
        pass
    await until(lambda: tasks() <= before)
    async with open_bus(own_broker.settings()) as bus:
        own_broker.embedded.stop()
        await until(lambda: not bus.client.is_connected)
    await until(lambda: tasks() <= before)


async def test_a_bus_can_be_left_while_it_gives_a_server_up(own_broker: NatsServer) -> None:
    """Although the old connection does not end, because the server takes nothing more of it."""
    before = tasks()
    with ExitStack() as held_up:
        async with open_bus(own_broker.settings()) as bus:
            held_up.enter_context(hanging(own_broker.embedded))
            for _ in range(64):
                await bus.send("pons.nobody.listens", bytes(512 * 1024))
            # As after pings without an answer, for which it waits 20 seconds.
            await bus.client._process_op_err(nats.errors.StaleConnectionError())
            # Its task has begun, and waits for the end of the old connection.
            transport = bus.client._transport
            assert isinstance(transport, TcpTransport)
            writer = transport._io_writer
            assert writer is not None
            await until(writer.is_closing)
        await until(lambda: tasks() <= before)


async def test_a_server_that_takes_nothing_more_is_left_for_the_next_one(
    own_broker: NatsServer,
) -> None:
    """As where its machine is lost: the kernel would try to send the rest for 15 minutes."""
    async with own_broker.bus() as bus:
        with capture_logs() as logs, hanging(own_broker.embedded):
            for _ in range(64):
                await bus.send("pons.nobody.listens", bytes(512 * 1024))
            await bus.client._process_op_err(nats.errors.StaleConnectionError())
            await until(lambda: "nats disconnected" in [one["event"] for one in logs])
        await until(lambda: bus.client.is_connected)
        await bus.publish(bus.names.received, b"one")


async def test_a_reconnection_that_misses_its_cancellation_ends(own_broker: NatsServer) -> None:
    """Before Python 3.12 one can get lost; nothing connects for a bus that was left."""

    async def deaf() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        await asyncio.sleep(3600)

    async with open_bus(own_broker.settings()) as bus:
        connecting = bus.client._reconnection_task = asyncio.create_task(deaf())
        await asyncio.sleep(0)  # it begins
    assert connecting.done()


async def test_without_an_address_nobody_waits() -> None:
    """No server is named, so none will come."""
    with pytest.raises(PonsError, match="There is no NATS server to connect to"):
        async with open_bus(Settings()):
            pytest.fail("there is no server")


async def test_a_failure_that_goes_on_is_logged_once_in_a_while() -> None:
    """An outage of an hour does not fill the disk with lines."""
    attempts = 0

    async def rude(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal attempts
        attempts += 1
        writer.close()
        await writer.wait_closed()

    async def opened(port: int) -> None:
        async with open_bus(Settings(nats=NatsSettings(url=f"nats://127.0.0.1:{port}"))):
            pytest.fail("there is no server")

    async with serving_streams(rude) as port:
        with capture_logs() as logs:
            opening = asyncio.create_task(opened(port))
            await until(lambda: attempts >= 5)
            await end_task(opening)
    assert [entry["event"] for entry in logs] == ["nats error"]


async def test_a_connection_that_the_server_ends_for_good_ends_the_block(
    own_broker: NatsServer,
) -> None:
    """The client does not come back from some errors: the service ends and is started again."""
    port = own_broker.embedded.port
    peers: list[asyncio.StreamWriter] = []

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", port)
        peers.append(writer)
        try:
            await asyncio.gather(pipe(reader, there[1]), pipe(there[0], writer))
        finally:
            there[1].transport.abort()

    parts = urlsplit(own_broker.embedded.url)

    async def work(through: int) -> None:
        settings = Settings(
            store=StoreSettings(name="proxied"),
            nats=NatsSettings(url=f"nats://{parts.username}:{parts.password}@127.0.0.1:{through}"),
        )
        async with asyncio.timeout(60), open_bus(settings):
            peers[0].write(b"-ERR 'maximum connections exceeded'\r\n")
            await asyncio.Event().wait()

    async with serving_streams(forward) as port_of_proxy:
        with pytest.raises(ExceptionGroup) as errors:
            await work(port_of_proxy)
    assert str(errors.value.exceptions[0]).startswith("NATS has ended the connection")
