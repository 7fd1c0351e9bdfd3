# SPDX-License-Identifier: Apache-2.0
"""Peers that break rules, hang, or go away, seen from their end of the wire."""

import socket
import threading
from types import ModuleType
from typing import Any

import pytest

from pons.errors import InvalidInstance, OutOfResources, Unavailable

from .spoken import RELEASE_RP, RELEASE_RQ, USER_ABORT, bytes_of

ABORT = b"\7\0\0\0\0\4\0\0\0\0"


def provider_abort(reason: int) -> tuple[int, bytes]:
    return 7, bytes((0, 0, 2, reason))


def test_store_echo_release(port: Any, wire: ModuleType) -> None:
    """The ordinary course: echo, store, release, and the release is answered."""
    with port.connect().associate() as peer:
        assert peer.echo() == 0
        peer.send(wire.store("1.2.3"))
        assert peer.receive_status() == 0
        peer.send(RELEASE_RQ)
        assert peer.receive() == RELEASE_RP
    content, origin = port.store.kept[0]
    assert content.endswith(wire.dataset("1.2.3"))
    assert (origin.kind, origin.remote_ip) == ("DicomProtocol", "127.0.0.1")
    assert (origin.remote_aet, origin.called_aet, origin.username) == ("PEER", "PONS", "")


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\4\0\0\0\0\x0a" + bytes(10), RELEASE_RQ]
)
def test_garbage_instead_of_a_request(port: Any, garbage: bytes) -> None:
    """What is no A-ASSOCIATE-RQ is answered with an abort of the user (PS3.8 AA-1)."""
    with port.connect() as peer:
        peer.send(garbage)
        assert peer.receive() == USER_ABORT


def test_malformed_request(port: Any, wire: ModuleType) -> None:
    """A request whose items lie about their lengths is aborted, too."""
    with port.connect() as peer:
        peer.send(wire.pdu(1, b"\0\1\0\0" + b" " * 32 + bytes(32) + b"\x10\0\xff\xff1.2"))
        assert peer.receive() == USER_ABORT


def test_garbage_on_an_association(port: Any, wire: ModuleType) -> None:
    """Unknown and unexpected PDUs have their reasons, and the provider as source (AA-8)."""
    for garbage, reason in (
        (b"\x99\0\0\0\0\4abcd", 1),
        (wire.pdu(1, bytes(68)), 2),
        (wire.pdu(6, bytes(4)), 2),
        (wire.fragment(1, 3, bytes(100_000)), 6),
        (wire.pdu(4, b"\0\1\0\0\1\3abc"), 6),
        (wire.fragment(9, 3, b"abc"), 6),
        (wire.fragment(1, 2, b"abc"), 5),
    ):
        with port.connect().associate() as peer:
            peer.send(garbage)
            assert peer.receive() == provider_abort(reason)


def test_abort_arrives_although_the_peer_goes_on_sending(port: Any, wire: ModuleType) -> None:
    """The abort is not lost to a reset when the peer has sent more than was read."""
    with port.connect().associate() as peer:
        peer.send(wire.fragment(9, 3, b"abc") + bytes(2_000_000))
        assert peer.receive() == provider_abort(6)


def test_commands_with_missing_fields(port: Any, wire: ModuleType) -> None:
    """A command that cannot be answered is aborted; one that can is refused, and life goes on."""
    whole = wire.command(0x30, wire.VERIFICATION, dataset=False)
    nameless = whole.replace(b"\0\0\x10\1\2\0\0\0", b"\0\0\x11\1\2\0\0\0")
    with port.connect().associate() as peer:
        peer.send(wire.fragment(3, 3, nameless))
        assert peer.receive() == USER_ABORT
    with port.connect().associate() as peer:
        peer.send(wire.fragment(1, 3, wire.command(1)) + wire.fragment(1, 2, wire.dataset()))
        assert peer.receive_status() == 0xC000
        peer.send(wire.fragment(1, 3, wire.command(1, "", "1.2.3")) + wire.fragment(1, 2, b"x"))
        assert peer.receive_status() == 0xC000
        peer.send(wire.fragment(1, 3, wire.command(1, instance="1.2\\3")))
        peer.send(wire.fragment(1, 2, b"x"))
        assert peer.receive_status() == 0xC000
        peer.send(wire.fragment(1, 3, wire.command(1, instance="1.2.3", dataset=False)))
        assert peer.receive_status() == 0xC000
        peer.send(wire.store("1.2.3"))
        assert peer.receive_status() == 0
    assert len(port.store.kept) == 1


def test_foreign_operations(port: Any, wire: ModuleType) -> None:
    """Other requests are refused, their datasets skipped; a C-CANCEL is nothing to answer."""
    with port.connect().associate() as peer:
        find = wire.fragment(1, 3, wire.command(0x20)) + wire.fragment(1, 2, bytes(10_000))
        peer.send(find)
        assert peer.receive_status() == 0x0211
        cancel = wire.command(0x0FFF, dataset=False)
        peer.send(wire.fragment(1, 3, cancel.replace(b"\0\0\x10\1", b"\0\0\x20\1")))
        assert peer.echo() == 0
        answer = wire.command(0x8030, dataset=False).replace(b"\0\0\x10\1", b"\0\0\x20\1")
        peer.send(wire.fragment(3, 3, answer))
        assert peer.receive() == provider_abort(5)


def test_store_through_a_verification_context(port: Any, wire: ModuleType) -> None:
    """What was accepted for C-ECHO is no way to store."""
    with port.connect().associate() as peer:
        peer.send(wire.fragment(3, 3, wire.command(1, instance="1.2.3")))
        peer.send(wire.fragment(3, 2, wire.dataset()))
        assert peer.receive_status() == 0x0122
    assert port.store.kept == []


def test_dataset_of_another_instance(port: Any, wire: ModuleType) -> None:
    """A dataset that is not what its command announced is refused with A900 and the reason."""
    with port.connect().associate() as peer:
        peer.send(wire.store("1.2.3", wire.dataset("1.2.4")))
        kind, content = peer.receive()
        assert kind == 4
        assert b"\0\0\0\x09\2\0\0\0\x00\xa9" in content
        assert b"SOP Instance UID differs between request and dataset" in content
        mr = "1.2.840.10008.5.1.4.1.1.4"
        peer.send(wire.store("1.2.3", wire.dataset("1.2.3", sop_class=mr)))
        assert peer.receive_status() == 0xA900
    assert port.store.kept == []


@pytest.mark.parametrize(
    ("announced", "sent"),
    [
        ("1.2.3", "1.2.3\0\x10\0"),
        ("1.2.3\0garbage", "1.2.3"),
        ("1.2.3\0garbage", "1.2.3\0\x10\0"),
        ("1." + "2" * 98, "1." + "2" * 98),
        ("1." + "2" * 254, "1." + "2" * 254),
    ],
)
def test_instances_with_odd_uids(port: Any, wire: ModuleType, announced: str, sent: str) -> None:
    """A UID ends at a NUL, in the command too, and may be as long as over REST."""
    with port.connect().associate() as peer:
        peer.send(wire.store(announced, wire.dataset(sent)))
        assert peer.receive_status() == 0
    assert len(port.store.kept) == 1


def test_a_uid_that_is_too_long(port: Any, wire: ModuleType) -> None:
    """What the header scan refuses is refused, before the dataset is taken in."""
    with port.connect().associate() as peer:
        peer.send(wire.store("1." + "2" * 255))
        assert peer.receive_status() == 0xC000
    assert port.store.kept == []


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (InvalidInstance("no PatientID"), 0xC000),
        (OutOfResources("disk full"), 0xA700),
        (Unavailable("NATS does not answer"), 0xA700),
        (ZeroDivisionError("a bug"), 0xC211),
    ],
)
def test_failures_of_the_store(
    port: Any, wire: ModuleType, failure: Exception, status: int
) -> None:
    """Each failure is answered in the peer's language, and the association goes on."""
    port.store.failure = failure
    with port.connect().associate() as peer:
        peer.send(wire.store("1.2.3"))
        assert peer.receive_status() == status
        port.store.failure = None
        peer.send(wire.store("1.2.4"))
        assert peer.receive_status() == 0


@pytest.mark.parametrize("status", ["AlreadyStored", "FilteredOut"])
def test_other_outcomes_are_successes(port: Any, wire: ModuleType, status: Any) -> None:
    """What is stored already, or filtered out on purpose, is Success for the peer."""
    port.store.status = status
    with port.connect().associate() as peer:
        peer.send(wire.store("1.2.3"))
        assert peer.receive_status() == 0


def test_abort_in_the_middle_of_a_pdu(port: Any, wire: ModuleType) -> None:
    """A connection that ends inside a dataset leaves nothing; what was stored before stays."""
    with port.connect().associate() as peer:
        peer.send(wire.store("1.2.3"))
        assert peer.receive_status() == 0
        peer.send(wire.store("1.2.4", wire.dataset("1.2.4", bytes_of(50_000)))[:30_000])
    with port.connect().associate() as peer:
        peer.send(wire.store("1.2.5", wire.dataset("1.2.5", bytes_of(50_000)))[:-40_000])
        peer.send(ABORT)
    with port.connect().associate() as peer:
        assert peer.echo() == 0
    assert len(port.store.kept) == 1


def test_abort_between_pdus(port: Any, wire: ModuleType) -> None:
    """An A-ABORT ends the association at once and is not answered."""
    with port.connect().associate() as peer:
        peer.send(ABORT)
        assert peer.at_end()


def test_pipelined_messages(port: Any, wire: ModuleType) -> None:
    """Requests sent without waiting are all served, in their order, then the release."""
    with port.connect().associate() as peer:
        peer.send(b"".join(wire.store(f"1.2.{n}") for n in range(50)) + RELEASE_RQ)
        assert [peer.receive_status() for _ in range(50)] == [0] * 50
        assert peer.receive() == RELEASE_RP
    assert len(port.store.kept) == 50
    assert [b"1.2.%d" % n in content for n, (content, _) in enumerate(port.store.kept)] == [
        True
    ] * 50


def test_release_while_a_store_runs(port: Any, wire: ModuleType) -> None:
    """A release that comes too early is answered after the store."""
    port.store.gate = gate = threading.Event()
    with port.connect().associate() as peer:
        peer.send(wire.store("1.2.3") + RELEASE_RQ)
        assert port.store.entered.wait(60)
        gate.set()
        assert peer.receive_status() == 0
        assert peer.receive() == RELEASE_RP


def test_release_inside_a_message(port: Any, wire: ModuleType) -> None:
    """A release with half a message sent is a violation."""
    with port.connect().associate() as peer:
        peer.send(wire.fragment(1, 3, wire.command(1, instance="1.2.3")) + RELEASE_RQ)
        assert peer.receive() == provider_abort(2)


def test_release_collision(port: Any) -> None:
    """Two A-RELEASE-RQ, as in a collision: the first is answered, the second finds nobody."""
    with port.connect().associate() as peer:
        peer.send(RELEASE_RQ + RELEASE_RQ)
        assert peer.receive() == RELEASE_RP
        peer.socket.shutdown(socket.SHUT_WR)
        assert peer.at_end()


def test_peer_goes_away_while_a_store_runs(port: Any, wire: ModuleType) -> None:
    """The store is finished although nobody hears of it."""
    port.store.gate = gate = threading.Event()
    with port.connect().associate() as peer:
        peer.send(wire.store("1.2.3"))
        assert port.store.entered.wait(60)
    gate.set()
    wire.until(lambda: len(port.store.kept) == 1)


def test_tiny_pdus_of_the_peer(port: Any, wire: ModuleType) -> None:
    """A response is cut to what the peer can take; a peer that can take nothing is rejected."""
    with port.connect().associate(maximum_length=9) as peer:
        peer.send(wire.fragment(3, 3, wire.command(0x30, wire.VERIFICATION, dataset=False)))
        answer = b""
        while True:
            kind, content = peer.receive()
            assert (kind, len(content)) == (4, 8)
            answer += content[6:]
            if content[5] & 2:
                break
        assert answer.endswith(b"\0\0\0\x09\2\0\0\0\0\0")
    with port.connect() as peer:
        peer.send(peer.request(maximum_length=7))
        assert peer.receive() == (3, b"\0\1\2\1")
