# SPDX-License-Identifier: Apache-2.0
"""Sessions of a store whose gateways are several, on a real NATS server."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from nats.js.errors import KeyNotFoundError

from pons.bus import Bus, open_bus
from pons.errors import Unavailable
from pons.settings import HttpSettings, Settings
from pons_gateway.sessions.sessions import KEY, Sessions, open_sessions
from pons_testing.buckets import MemoryBus
from pons_testing.nats import NatsServer, nats_server
from pons_testing.waiting import until

pytestmark = pytest.mark.anyio

USERS = {"alice": "$argon2id$v=19$m=8,t=1,p=1$YWFhYWFhYWE$YWFhYWFhYWE"}
SETTINGS = Settings(http=HttpSettings(users=USERS, session_minutes=10, session_hours=2))


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[NatsServer]:
    """A server that the test may stop."""
    with nats_server(tmp_path) as server:
        yield server


async def test_gateways_share_key_and_ends(bus: Bus) -> None:
    """Started at once, they agree on a key; who logs out at one is out at the others, also at one
    that starts later."""
    async with AsyncExitStack() as stack:
        gateways = [Sessions(bus, SETTINGS, USERS) for _ in range(4)]
        await asyncio.gather(
            *(stack.enter_async_context(gateway.following()) for gateway in gateways)
        )
        first, *others = gateways
        session, token = first.begin("alice")
        for other in others:
            await until(lambda one=other: one.find(token) == session)  # type: ignore[misc]
        another, kept = others[0].begin("alice")
        await others[0].end(session)
        assert others[0].find(token) is None
        for gateway in gateways:
            await until(lambda one=gateway: one.find(token) is None)  # type: ignore[misc]
            assert gateway.find(kept) == another
        late = Sessions(bus, SETTINGS, USERS)
        async with late.following():
            assert late.find(token) is None
            assert late.find(kept) == another
            assert late.store_id == first.store_id


async def test_a_key_that_is_lost_comes_back(bus: Bus) -> None:
    """As long as a gateway has it, nobody is logged out."""
    async with (sessions := Sessions(bus, SETTINGS, USERS)).following():
        session, token = sessions.begin("alice")
        bucket = await bus.bucket(bus.names.config_bucket)
        key = (await bucket.get(KEY)).value
        await bucket.delete(KEY)

        async def is_back() -> bool:
            try:
                return (await bucket.get(KEY)).value == key
            except KeyNotFoundError:
                return False

        await until(is_back)
        assert sessions.find(token) == session


async def test_it_works_from_memory(own_broker: NatsServer) -> None:
    """While NATS is away people log in and work on; only the end of a session cannot be told, and
    holds here all the same."""
    async with open_bus(own_broker.settings()) as bus:
        sessions = Sessions(bus, SETTINGS, USERS)
        async with sessions.following():
            own_broker.embedded.stop()
            session, token = sessions.begin("alice")
            assert sessions.find(token) == session
            with pytest.raises(Unavailable):
                await sessions.end(session)
            assert sessions.find(token) is None


def timed() -> tuple[Sessions, Clock]:
    clock = Clock()
    sessions = Sessions(MemoryBus(), SETTINGS, USERS, clock)  # type: ignore[arg-type]
    sessions.take_key(b"k" * 32)
    return sessions, clock


def test_it_ends_when_nobody_asks() -> None:
    sessions, clock = timed()
    session, token = sessions.begin("alice")
    clock.now += 599
    assert sessions.find(token) == session
    assert sessions.holds(session)
    clock.now += 1
    assert sessions.find(token) is None
    assert not sessions.holds(session)


def test_it_is_renewed_while_it_is_used_and_ends_at_its_limit() -> None:
    """Not with each request; and the last renewal ends with the limit."""
    sessions, clock = timed()
    session, token = sessions.begin("alice")
    assert sessions.renewed(session) is None
    began = clock.now
    times = 0
    while (found := sessions.find(token)) is not None:
        assert (found.id, found.limit) == (session.id, session.limit)
        if renewed := sessions.renewed(found):
            token = renewed
            times += 1
        clock.now += 30
    assert clock.now - began == 2 * 3600
    assert 60 <= times <= 120


async def test_what_has_ended_is_forgotten_in_time() -> None:
    """When it would be over anyway: logging in and out for years takes no memory."""
    sessions, clock = timed()
    for _ in range(50):
        session, _ = sessions.begin("alice")
        await sessions.end(session)
    assert len(sessions._ended) == 50
    clock.now += 2 * 3600
    session, _ = sessions.begin("alice")
    await sessions.end(session)
    assert list(sessions._ended) == [session.id]


async def test_without_users_nothing_is_kept() -> None:
    """A store in which nobody logs in asks NATS nothing."""
    bus = MemoryBus()
    async with open_sessions(bus, Settings()) as sessions:  # type: ignore[arg-type]
        assert sessions.find("a.b") is None
        with pytest.raises(KeyError):
            sessions.begin("alice")
    assert bus.buckets == {}
