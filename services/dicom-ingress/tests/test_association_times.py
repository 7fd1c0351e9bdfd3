# SPDX-License-Identifier: Apache-2.0
"""Peers that are silent, slow or do not read, and how long they are waited for."""

import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from .spoken import RELEASE_RP, RELEASE_RQ, USER_ABORT, bytes_of

StartPort = Callable[..., Any]


def test_back_pressure(port: Any, wire: ModuleType) -> None:
    """While a store runs, TCP stops a peer that floods: nothing piles up, nothing is lost."""
    port.store.gate = gate = threading.Event()
    flood = wire.store("1.2.4", wire.dataset("1.2.4", bytes_of(30_000_000)))
    with port.connect().associate() as peer:
        peer.send(wire.store("1.2.3"))
        assert port.store.entered.wait(60)
        sent = peer.flood(flood)
        assert sent < 25_000_000
        gate.set()
        peer.send(flood[sent:])
        assert [peer.receive_status(), peer.receive_status()] == [0, 0]
    assert len(port.store.kept[1][0]) > 30_000_000


def test_peer_that_does_not_read(start_port: StartPort, wire: ModuleType) -> None:
    """A peer that takes no answers is not served further, and dropped after the idle timeout."""
    port = start_port(idle_timeout=0.5, artim_timeout=0.5)
    echo = wire.fragment(3, 3, wire.command(0x30, wire.VERIFICATION, dataset=False))
    with port.connect(receive_buffer=4096).associate() as peer:
        wire.until(lambda: flooded(peer, echo * 10_000), 30)


def flooded(peer: Any, data: bytes) -> bool:
    """Send more; whether the connection has been reset meanwhile."""
    try:
        peer.flood(data)
    except ConnectionError:
        return True
    return False


def test_silent_peer(start_port: StartPort) -> None:
    """A peer that connects and says nothing is disconnected after the ARTIM timeout."""
    port = start_port(artim_timeout=0.3)
    started = time.monotonic()
    with port.connect() as peer:
        assert peer.at_end()
        assert 0.2 < time.monotonic() - started < 15


def test_slow_loris(start_port: StartPort) -> None:
    """An association request that comes byte by byte does not outlast the ARTIM timeout."""
    port = start_port(artim_timeout=0.5)
    with port.connect() as peer:
        started = time.monotonic()
        peer.drip(peer.request())
        assert peer.at_end()
        assert time.monotonic() - started < 15


def test_idle_association(start_port: StartPort) -> None:
    """Silence on an association ends it with an abort; what is said in time prolongs it."""
    port = start_port(idle_timeout=2)
    with port.connect().associate() as peer:
        started = time.monotonic()
        while time.monotonic() - started < 3:
            assert peer.echo() == 0
            time.sleep(0.05)
        assert peer.receive() == USER_ABORT


def test_slow_pdu(start_port: StartPort, wire: ModuleType) -> None:
    """A PDU that comes byte by byte does not count as activity."""
    port = start_port(idle_timeout=0.5)
    store = wire.store("1.2.3", wire.dataset("1.2.3", bytes_of(10_000)))
    with port.connect().associate() as peer:
        peer.send(store[:200])
        peer.drip(store[200:])
        assert peer.receive() == USER_ABORT
    assert port.store.kept == []


def test_long_store_is_not_idleness(start_port: StartPort, wire: ModuleType) -> None:
    """Only the peer's silence counts: a store may take longer than the idle timeout."""
    port = start_port(idle_timeout=1)
    port.store.gate = gate = threading.Event()
    with port.connect().associate() as peer:
        peer.send(wire.store("1.2.3"))
        assert port.store.entered.wait(60)
        peer.socket.settimeout(2)
        with pytest.raises(TimeoutError):
            peer.socket.recv(1)
        gate.set()
        peer.socket.settimeout(15)
        assert peer.receive_status() == 0


def test_peer_that_never_closes(start_port: StartPort) -> None:
    """After the release, a peer that keeps the connection is disconnected by the ARTIM timer."""
    port = start_port(artim_timeout=1)
    with port.connect().associate() as peer:
        peer.send(RELEASE_RQ)
        assert peer.receive() == RELEASE_RP
        started = time.monotonic()
        assert peer.at_end()
        assert time.monotonic() - started < 15


def test_response_leaves_at_once(port: Any, wire: ModuleType) -> None:
    """A response is one segment on a socket without Nagle: echoes take no 40 ms each.

    The fastest ten of two hundred count, since others may want the processor.
    """
    with port.connect().associate() as peer:
        rounds = []
        for _ in range(20):
            started = time.monotonic()
            for _ in range(10):
                assert peer.echo() == 0
            rounds.append(time.monotonic() - started)
        assert min(rounds[5:]) < 0.2
        echo = wire.fragment(3, 3, wire.command(0x30, wire.VERIFICATION, dataset=False))
        peer.send(echo)
        answer = peer.socket.recv(1000)
        assert len(answer) == 6 + int.from_bytes(answer[2:6], "big")
