# SPDX-License-Identifier: Apache-2.0
"""When a peer hears that an instance is stored, and when reads show it."""

import threading
from types import ModuleType
from typing import Any

import pytest

from pons.errors import InvalidInstance
from pons_ingress.store import SEEN_AT_ONCE

RELEASE_RQ = b"\5\0\0\0\0\4\0\0\0\0"
RELEASE_RP = (6, bytes(4))


@pytest.fixture
def may_be_seen(port: Any) -> threading.Event:
    """Set once reads show the instances that nobody waited for."""
    port.store.may_be_seen = threading.Event()
    return port.store.may_be_seen


def send(peer: Any, wire: ModuleType, count: int, first: int = 0) -> list[int]:
    statuses = []
    for number in range(first, first + count):
        peer.send(wire.store(f"1.2.{number}"))
        statuses.append(peer.receive_status())
    return statuses


def test_a_long_series_does_not_wait_for_the_index(
    port: Any, wire: ModuleType, may_be_seen: threading.Event
) -> None:
    """The first ten are seen when they are acknowledged, the release waits for the others."""
    with port.connect().associate() as peer:
        assert send(peer, wire, 15) == [0] * 15
        assert port.store.awaited == [True] * 10 + [False] * 5
        peer.send(RELEASE_RQ)
        peer.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            peer.receive()
        peer.socket.settimeout(15)
        may_be_seen.set()
        assert peer.receive() == RELEASE_RP


def test_each_association_begins_anew(port: Any, wire: ModuleType) -> None:
    """Who stores one instance an association, and looks, always finds it."""
    for number in range(SEEN_AT_ONCE + 2):
        with port.connect().associate() as peer:
            assert send(peer, wire, 1, number) == [0]
    assert port.store.awaited == [True] * (SEEN_AT_ONCE + 2)


def test_what_is_not_stored_does_not_count(port: Any, wire: ModuleType) -> None:
    """Failures do not use up the instances that are seen at once."""
    with port.connect().associate() as peer:
        port.store.failure = InvalidInstance("no")
        assert send(peer, wire, SEEN_AT_ONCE) == [0xC000] * SEEN_AT_ONCE
        port.store.failure = None
        assert send(peer, wire, 1, 50) == [0]
    assert port.store.awaited == [True]


def test_a_refusal_after_the_acknowledgement_is_logged(
    port: Any, wire: ModuleType, logs: list[Any]
) -> None:
    """Nobody can be told any more; the association ends well, and the log names the instance."""
    port.store.refusal = InvalidInstance("The index refused the instance", "why")
    with port.connect().associate() as peer:
        assert send(peer, wire, SEEN_AT_ONCE + 1) == [0] * (SEEN_AT_ONCE + 1)
        peer.send(RELEASE_RQ)
        assert peer.receive() == RELEASE_RP
    [line] = [line for line in logs if line["event"] == "instance acknowledged, then refused"]
    assert line["sop_instance_uid"] == "1.2.10"
    assert line["reason"] == "The index refused the instance (why)"


def test_an_association_that_breaks_waits_for_nothing(
    port: Any, wire: ModuleType, may_be_seen: threading.Event, logs: list[Any]
) -> None:
    """Who aborts is not asked to wait, whatever the index does."""
    with port.connect().associate() as peer:
        send(peer, wire, SEEN_AT_ONCE + 3)
        peer.send(b"\7\0\0\0\0\4\0\0\0\0")
        assert peer.at_end()
    wire.until(lambda: any(line["event"] == "association aborted" for line in logs))
    assert not may_be_seen.is_set()
