# SPDX-License-Identifier: Apache-2.0
"""Any bytes from a peer end in an answer, an abort or a clean close, and never in an exception."""

from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pons.dicom.network.associate import decode_proposal
from pons.dicom.network.messages import Context, MessageReader
from pons.dicom.network.pdu import PduReader, Phase, ProtocolError

StartPort = Callable[..., Any]
LIMITED = settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)


@pytest.fixture
def impatient(start_port: StartPort) -> Any:
    return start_port(artim_timeout=1, idle_timeout=1)


def mutated(data: bytes, changes: list[tuple[int, int]], cut: int) -> bytes:
    """`data` with some bytes changed, and cut at its end."""
    changed = bytearray(data)
    for at, value in changes:
        changed[at % len(changed)] = value
    return bytes(changed[: len(changed) - cut])


CHANGES = st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), min_size=1, max_size=6)


def converse(peer: Any, data: bytes) -> list[int]:
    """Send `data` and say that this is all; the types of the PDUs that came back until the end."""
    kinds: list[int] = []
    try:
        peer.send(data)
        peer.socket.shutdown(1)
    except OSError:
        pass  # the other side has closed already
    while True:
        kind, _ = peer.receive()
        if kind == 0:
            return kinds
        kinds.append(kind)


@given(data=st.binary(max_size=400))
@LIMITED
def test_bytes_instead_of_a_request(impatient: Any, data: bytes) -> None:
    """Random bytes on a new connection."""
    with impatient.connect() as peer:
        assert converse(peer, data) in ([], [7])


@given(changes=CHANGES, cut=st.integers(0, 3))
@LIMITED
def test_mutated_requests(impatient: Any, changes: list[tuple[int, int]], cut: int) -> None:
    """An association request with wrong bytes in it: accepted, rejected, aborted or closed."""
    with impatient.connect() as peer:
        kinds = converse(peer, mutated(peer.request(), changes, cut))
        assert kinds in ([], [2], [3], [7])


@given(data=st.binary(min_size=1, max_size=400))
@LIMITED
def test_bytes_on_an_association(impatient: Any, data: bytes) -> None:
    """Random bytes on an association."""
    with impatient.connect().associate() as peer:
        assert converse(peer, data) in ([], [7])


@given(changes=CHANGES, cut=st.integers(0, 30))
@LIMITED
def test_mutated_messages(
    impatient: Any, wire: ModuleType, changes: list[tuple[int, int]], cut: int
) -> None:
    """C-ECHO and C-STORE with wrong bytes in them: answered, then aborted, released or closed."""
    echo = wire.fragment(3, 3, wire.command(0x30, wire.VERIFICATION, dataset=False))
    messages = echo + wire.store("1.2.3") + wire.store("1.2.4", size=20)
    with impatient.connect().associate() as peer:
        kinds = converse(peer, mutated(messages + b"\5\0\0\0\0\4\0\0\0\0", changes, cut))
        assert set(kinds[:-1]) <= {4}
        assert set(kinds[-1:]) <= {4, 6, 7}


@given(data=st.binary(max_size=2000), cut=st.integers(1, 300))
@settings(deadline=None, database=None)
def test_reader(data: bytes, cut: int) -> None:
    """The reader takes any bytes in any pieces, or says what is wrong with them."""
    messages = MessageReader(lambda _context, _command: pytest.fail("no command can be in there"))
    messages.contexts = {1: Context(1, "", "")}
    reader = PduReader(messages, 16384, Phase.ESTABLISHED)
    unread = b""
    try:
        for start in range(0, len(data), cut):
            unread += data[start : start + cut]
            used, _ = reader.read(memoryview(unread))
            unread = unread[used:]
    except ProtocolError:
        pass  # the one exception that a peer can cause


@given(changes=CHANGES)
@LIMITED
def test_proposals(wire: ModuleType, changes: list[tuple[int, int]]) -> None:
    """A mutated request is read or refused, whatever pynetdicom makes of its items."""
    items = wire.item(0x10, b"1.2.840.10008.3.1.1.1")
    names = wire.item(0x30, wire.CT.encode()) + wire.item(0x40, wire.EXPLICIT.encode())
    items += wire.item(0x20, bytes((1, 0, 0, 0)) + names)
    user = wire.item(0x51, bytes(4)) + wire.item(0x52, b"1.2") + wire.item(0x53, bytes(4))
    user += wire.item(0x54, b"\0\3" + b"1.2" + b"\1\1") + wire.item(0x55, b"PONS")
    user += wire.item(0x56, b"\0\3" + b"1.2" + b"abc") + wire.item(0x57, b"\0\3" + b"1.2" * 3)
    user += wire.item(0x58, b"\1\1\0\3abc\0\0")
    titles = b"PONS".ljust(16) + b"PEER".ljust(16)
    whole = wire.pdu(1, b"\0\1\0\0" + titles + bytes(32) + items + wire.item(0x50, user))
    with suppress(ProtocolError):
        decode_proposal(mutated(whole, [(74 + at, value) for at, value in changes], 0))
