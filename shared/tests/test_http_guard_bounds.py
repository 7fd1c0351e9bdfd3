# SPDX-License-Identifier: Apache-2.0
"""How many connections the guard lets in, and from whom."""

import asyncio

import pytest
from structlog.testing import capture_logs

from pons.http.bounds import Admission, Bounds
from pons_testing.waiting import until

from .guarded import Place, ended, placed, refused

pytestmark = pytest.mark.anyio


async def test_one_connection_too_many_is_503() -> None:
    """It is closed at once; a place that is free again is taken."""
    async with placed(connections=3) as place:
        (_, first), *_ = [await place.connect() for _ in range(3)]
        reader, _ = await place.connect()
        received = await ended(reader)
        assert received.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert b"\r\nConnection: close\r\n" in received
        first.close()
        await eventually(place, b"200")


async def eventually(place: Place, status: bytes, source: str = "127.0.0.1") -> None:
    async def answers() -> bool:
        return await place.ask(source) == status

    await until(answers)


async def test_one_address_cannot_take_every_place() -> None:
    """It is refused where others are served."""
    async with placed(connections=20, loopback_is_one=True) as place:
        held = [await place.connect("127.0.0.2") for _ in range(10)]
        assert await place.ask("127.0.0.2") == b"503"
        assert await place.ask("127.0.0.3") == b"200"
        held[0][1].close()
        await eventually(place, b"200", "127.0.0.2")


async def test_idle_connections_shut_nobody_out() -> None:
    """1,100 of one address, as the server is without any setting."""
    async with placed(connections=2000, loopback_is_one=True, first_byte=3) as place:
        idle = [await place.connect("127.0.0.2") for _ in range(1100)]
        assert await place.ask("127.0.0.3") == b"200"
        before = asyncio.get_running_loop().time()
        await asyncio.gather(*(ended(reader) for reader, _ in idle))
        assert asyncio.get_running_loop().time() - before < 15
        assert await place.ask("127.0.0.2") == b"200"


async def test_the_log_says_it_once_a_minute() -> None:
    """Fifty refusals are one line, and fifty in the metrics."""
    async with placed(connections=1) as place:
        await place.connect()
        before = refused("connections")
        with capture_logs() as lines:
            for _ in range(50):
                assert await place.ask() == b"503"
        assert refused("connections") == before + 50
        assert [(line["reason"], line["last_address"]) for line in lines] == [
            ("connections", "127.0.0.1")
        ]


def test_networks_of_ipv6_count_as_one_address() -> None:
    """A client has 2**64 addresses there. IPv4 in IPv6 is IPv4, and loopback is not counted."""
    admission = Admission(Bounds(connections=100, connections_per_address=1))
    assert admission.admit("2001:db8::1") is None
    assert admission.admit("2001:db8::2") == "connections_per_address"
    assert admission.admit("2001:db8:0:1::2") is None
    assert admission.admit("::ffff:192.0.2.1") is None
    assert admission.admit("192.0.2.1") == "connections_per_address"
    assert [admission.admit(host) for host in ("::1", "127.0.0.1", "127.0.0.1", "")] == [None] * 4
    admission.leave("2001:db8::1")
    assert admission.admit("2001:db8::7") is None
