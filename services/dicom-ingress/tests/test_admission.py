# SPDX-License-Identifier: Apache-2.0
"""Who may associate, told by the peers that try."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from argon2 import PasswordHasher

from pons.messages.modality import Modality
from pons_ingress.admission import plain_ip

StartPort = Callable[..., Any]
UNKNOWN_CALLING = (3, b"\0\1\1\3")
UNKNOWN_CALLED = (3, b"\0\1\1\7")
LIMIT_EXCEEDED = (3, b"\0\2\3\2")
SCANNER = Modality(aet="SCANNER", host="127.0.0.1", port=104)
ELSEWHERE = Modality(aet="SCANNER", host="192.0.2.7", port=104)


def outcome(port: Any, *contexts: tuple[int, str, str], **titles: str) -> tuple[int, bytes]:
    """The answer to an association request, only its type when it is accepted."""
    with port.connect(**titles) as peer:
        peer.send(peer.request(*contexts))
        kind, content = peer.receive()
        return (2, b"") if kind == 2 else (kind, content)


def test_anyone_by_default(port: Any) -> None:
    """Without settings, any AE title may call by any name."""
    assert outcome(port, calling="STRANGER", called="WHOEVER") == (2, b"")


def test_called_aet(start_port: StartPort) -> None:
    """With the check, who calls another AE title is told that it is not known here."""
    port = start_port(aet="PONS", check_called_aet=True)
    assert outcome(port, called="OTHER") == UNKNOWN_CALLED
    assert outcome(port, called="pons") == (2, b"")
    strict = start_port(aet="PONS", check_called_aet=True, strict_aet_comparison=True)
    assert outcome(strict, called="pons") == UNKNOWN_CALLED
    assert outcome(strict, called="PONS") == (2, b"")


def test_known_modalities_only(start_port: StartPort, wire: ModuleType) -> None:
    """With both services closed, only a modality that may do something gets in."""
    closed = {"always_allow_echo": False, "always_allow_store": False}
    may_nothing = Modality("NOTHING", "127.0.0.1", 104, allow_echo=False, allow_store=False)
    port = start_port((SCANNER, may_nothing), **closed)
    assert outcome(port, calling="STRANGER") == UNKNOWN_CALLING
    assert outcome(port, calling="NOTHING") == UNKNOWN_CALLING
    assert outcome(port, calling="scanner") == (2, b"")
    strict = start_port((SCANNER,), strict_aet_comparison=True, **closed)
    assert outcome(strict, calling="scanner") == UNKNOWN_CALLING
    with port.connect(calling="SCANNER").associate() as peer:
        peer.send(wire.store("1.2.3"))
        assert peer.receive_status() == 0
        assert peer.echo() == 0


def test_echo_open_store_closed(start_port: StartPort, wire: ModuleType) -> None:
    """A stranger may echo but not store; proposing only to store, it is told why."""
    echo_only = Modality("PINGER", "127.0.0.1", 104, allow_store=False)
    port = start_port((SCANNER, echo_only), always_allow_store=False)
    for title in ("STRANGER", "PINGER"):
        assert outcome(port, (1, wire.CT, wire.EXPLICIT), calling=title) == UNKNOWN_CALLING
        with port.connect(calling=title).associate() as peer:
            assert peer.echo() == 0
            peer.send(wire.store("1.2.3"))
            assert peer.receive() == (7, b"\0\0\2\6")
    assert port.store.kept == []
    assert outcome(port, (1, wire.CT, wire.EXPLICIT), calling="SCANNER") == (2, b"")


def test_modality_host(start_port: StartPort) -> None:
    """A known modality must call from its host, one of several with its title being enough."""
    port = start_port((ELSEWHERE,), check_modality_host=True)
    assert outcome(port, calling="SCANNER") == UNKNOWN_CALLING
    assert outcome(port, calling="STRANGER") == (2, b"")
    port = start_port((ELSEWHERE, SCANNER), check_modality_host=True)
    assert outcome(port, calling="SCANNER") == (2, b"")
    named = Modality(aet="SCANNER", host="localhost", port=104)
    assert outcome(start_port((named,), check_modality_host=True), calling="SCANNER") == (2, b"")
    nowhere = Modality(aet="SCANNER", host="no-such-host.invalid", port=104)
    refused = start_port((nowhere,), check_modality_host=True)
    assert outcome(refused, calling="SCANNER") == UNKNOWN_CALLING


def test_maximum_of_associations(start_port: StartPort) -> None:
    """One association too many is rejected for now, and accepted once there is room."""
    port = start_port(max_associations=2)
    with port.connect().associate() as first, port.connect().associate() as second:
        assert outcome(port) == LIMIT_EXCEEDED
        first.send(b"\5\0\0\0\0\4\0\0\0\0")
        assert first.receive() == (6, bytes(4))
        with port.connect().associate() as third:
            assert third.echo() == 0
            assert second.echo() == 0
            assert outcome(port) == LIMIT_EXCEEDED


def identity(wire: ModuleType, user: bytes, password: bytes, kind: int = 2) -> bytes:
    """A user identity whose positive response is asked for (PS3.7 D.3.3.7.1)."""
    content = bytes((kind, 1)) + len(user).to_bytes(2, "big") + user
    return bytes(wire.item(0x58, content + len(password).to_bytes(2, "big") + password))


def test_user_and_password(start_port: StartPort, wire: ModuleType) -> None:
    """A right password is acknowledged, a wrong one rejected; nobody is asked for one."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    port = start_port(users={"alice": hasher.hash("geheim ü")})
    acknowledged = wire.item(0x59, bytes(2))

    def answer(user_items: bytes) -> tuple[int, bytes]:
        with port.connect() as peer:
            peer.send(peer.request(user_items=user_items))
            found: tuple[int, bytes] = peer.receive()
            return found

    kind, content = answer(identity(wire, b"alice", "geheim ü".encode()))
    assert kind == 2
    assert acknowledged in content
    for user, password in ((b"alice", b"wrong"), (b"bob", b"geheim"), (b"alice", b"\xff")):
        assert answer(identity(wire, user, password)) == (3, b"\0\1\1\1")
    kind, content = answer(b"")
    assert kind == 2
    assert acknowledged not in content
    kind, content = answer(identity(wire, b"<saml/>", b"", 4))
    assert kind == 2
    assert acknowledged not in content


def test_too_many_passwords(start_port: StartPort, wire: ModuleType) -> None:
    """Who guesses with many associations at once is told to come back later."""
    hasher = PasswordHasher(time_cost=40, memory_cost=8192, parallelism=1)
    port = start_port(users={"alice": hasher.hash("secret")})
    peers = [port.connect() for _ in range(20)]
    for number, peer in enumerate(peers):
        peer.send(peer.request(user_items=identity(wire, b"alice", b"%d" % number)))
    answers = [peer.receive() for peer in peers]
    for peer in peers:
        peer.socket.close()
    assert set(answers) == {(3, b"\0\1\1\1"), (3, b"\0\2\3\1")}


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::1"),
        ("2001:DB8::0:1", "2001:db8::1"),
    ],
)
def test_addresses(address: str, plain: str) -> None:
    """An address has one spelling, whatever the socket calls it."""
    assert plain_ip(address) == plain
