# SPDX-License-Identifier: Apache-2.0
import pytest

from pons.dicom.network.dimse import Command, Response
from pons.dicom.network.messages import Context, Message, MessageReader, ResponseReader
from pons.dicom.network.pdu import (
    RELEASE_REPLY,
    Pdu,
    PduReader,
    Phase,
    ProtocolError,
    decode_abort,
    encode_abort,
    encode_data,
)
from pons_testing import wire

CONTEXT = Context(1, "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1")


class Gathered(bytearray):
    """A dataset in memory."""

    def write(self, piece: memoryview) -> bool:
        self.extend(piece)
        return False

    async def spill(self) -> None: ...

    def close(self) -> None: ...


def reader(maximum_length: int = 65536, phase: Phase = Phase.ESTABLISHED) -> PduReader:
    def open_dataset(_context: Context, _command: Command) -> Gathered:
        return Gathered()

    messages = MessageReader(open_dataset)
    messages.contexts = {1: CONTEXT, 3: CONTEXT}
    return PduReader(messages, maximum_length, phase)


def gathered(message: Message) -> bytes:
    assert isinstance(message.dataset, Gathered)
    return bytes(message.dataset)


def read_all(pdus: PduReader, data: bytes, cut: int) -> list[object]:
    """The events of `data` arriving in pieces of `cut` bytes."""
    events, unread = [], b""
    for start in range(0, len(data), cut):
        unread += data[start : start + cut]
        while True:
            used, event = pdus.read(memoryview(unread))
            unread = unread[used:]
            if event is None:
                break
            events.append(event)
    assert len(unread) < 10
    return events


@pytest.mark.parametrize("cut", [1, 2, 3, 5, 6, 7, 11, 12, 13, 100, 10_000])
def test_cuts(cut: int) -> None:
    """A message is the same however TCP cuts it."""
    data = wire.store("1.2.3", b"x" * 50_000, 999) + wire.pdu(5, bytes(4))
    message, release = read_all(reader(), data, cut)
    assert isinstance(message, Message)
    assert message.command.sop_instance_uid == "1.2.3"
    assert gathered(message) == b"x" * 50_000
    assert release == Pdu(5, wire.pdu(5, bytes(4)))


def test_several_pdvs_in_one_pdu() -> None:
    """Command and dataset fragments may share a PDU, empty ones among them."""
    request = wire.command(1, instance="1.2.3")
    data = wire.pdu(
        4,
        wire.pdv(1, 1, request[:20])
        + wire.pdv(1, 1, b"")
        + wire.pdv(1, 3, request[20:])
        + wire.pdv(1, 0, b"abc")
        + wire.pdv(1, 0, b"")
        + wire.pdv(1, 2, b"def"),
    )
    (message,) = read_all(reader(), data, 7)
    assert isinstance(message, Message)
    assert gathered(message) == b"abcdef"


def test_dataset_ended_by_an_empty_fragment() -> None:
    """The last fragment may be empty, at the end of its PDU."""
    data = wire.fragment(1, 3, wire.command(1, instance="1.2.3")) + wire.fragment(1, 0, b"abc")
    pdus = reader()
    assert read_all(pdus, data, 1000) == []
    (message,) = read_all(pdus, wire.fragment(1, 2, b""), 1000)
    assert isinstance(message, Message)
    assert gathered(message) == b"abc"


def test_two_messages_in_one_read() -> None:
    """Reading stops behind a message, and goes on where it stopped."""
    data = wire.store("1.2.3") + wire.store("1.2.4")
    pdus = reader()
    used, first = pdus.read(memoryview(data))
    assert used == len(wire.store("1.2.3"))
    _, second = pdus.read(memoryview(data)[used:])
    assert isinstance(first, Message)
    assert isinstance(second, Message)
    assert (first.command.sop_instance_uid, second.command.sop_instance_uid) == ("1.2.3", "1.2.4")


def test_control_pdus() -> None:
    """A-ASSOCIATE-RQ comes whole, A-ABORT with its source and reason."""
    request = wire.pdu(1, bytes(100))
    assert read_all(reader(phase=Phase.REQUEST), request, 9) == [Pdu(1, request)]
    abort = wire.pdu(7, bytes((0, 0, 2, 6)))
    assert read_all(reader(), abort, 3) == [Pdu(7, abort)]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("P-DATA larger than announced", 6),
        ("P-DATA of no bytes", 6),
        ("PDV longer than its PDU", 6),
        ("PDV shorter than its header", 6),
        ("PDU that ends in a PDV header", 6),
        ("context that was not accepted", 6),
        ("context changed inside a message", 6),
        ("dataset without command", 5),
        ("command inside a dataset", 5),
        ("unknown PDU type", 1),
        ("second association request", 2),
        ("A-ASSOCIATE-AC", 2),
        ("A-RELEASE-RP", 2),
        ("A-RELEASE-RQ of 5 bytes", 6),
        ("endless command set", 6),
    ],
)
def test_violations(name: str, reason: int) -> None:
    """Each violation has its reason, and the provider as its source (PS3.8 table 9-26)."""
    store = wire.fragment(1, 3, wire.command(1, instance="1.2.3"))
    broken = {
        "P-DATA larger than announced": wire.fragment(1, 3, bytes(65536)),
        "P-DATA of no bytes": wire.pdu(4, b""),
        "PDV longer than its PDU": wire.pdu(4, b"\0\0\0\x0b\1\3" + bytes(8)),
        "PDV shorter than its header": wire.pdu(4, b"\0\0\0\1\1\3" + bytes(8)),
        "PDU that ends in a PDV header": wire.pdu(4, wire.pdv(1, 1, b"x") + b"\0\0\0\3\1"),
        "context that was not accepted": wire.fragment(5, 3, b"x"),
        "context changed inside a message": store + wire.fragment(3, 2, b"x"),
        "dataset without command": wire.fragment(1, 2, b"x"),
        "command inside a dataset": store + wire.fragment(1, 3, b"x"),
        "unknown PDU type": wire.pdu(8, bytes(4)),
        "second association request": wire.pdu(1, bytes(100)),
        "A-ASSOCIATE-AC": wire.pdu(2, bytes(100)),
        "A-RELEASE-RP": wire.pdu(6, bytes(4)),
        "A-RELEASE-RQ of 5 bytes": wire.pdu(5, bytes(5)),
        "endless command set": wire.fragment(1, 1, bytes(60_000)) * 2,
    }[name]
    with pytest.raises(ProtocolError) as raised:
        read_all(reader(), broken, 1_000)
    assert (raised.value.source, raised.value.reason) == (2, reason)


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\0\1\0",  # TLS
        b"\4\0\0\0\0\x0a" + bytes(10),
        b"\5\0\0\0\0\4" + bytes(4),
        b"\1\0\0\0\0\x0a" + bytes(10),
        b"\1\0\xff\xff\xff\xff" + bytes(10),
        b"\7\0\0\0\0\5" + bytes(5),
    ],
)
def test_not_an_association_request(garbage: bytes) -> None:
    """Before the association, the user aborts whatever else comes, as soon as it shows."""
    with pytest.raises(ProtocolError) as raised:
        read_all(reader(phase=Phase.REQUEST), garbage[:6], 6)
    assert (raised.value.source, raised.value.reason) == (0, 0)


def test_encoding() -> None:
    """An A-ABORT, and a command cut into what the peer can take."""
    assert encode_abort(2, 6) == b"\7\0\0\0\0\4\0\0\2\6"  # type: ignore[arg-type]
    assert b"".join(encode_data(3, 1, b"abcde", 0)) == b"\4\0\0\0\0\x0b\0\0\0\7\3\3abcde"
    assert b"".join(encode_data(3, 1, b"abcde", 9)) == (
        b"\4\0\0\0\0\x08\0\0\0\4\3\1ab\4\0\0\0\0\x08\0\0\0\4\3\1cd\4\0\0\0\0\x07\0\0\0\3\3\3e"
    )


def test_aborts_in_words() -> None:
    """An abort by the provider has a reason, one by the user has none."""
    head = bytes((7, 0, 0, 0, 0, 4, 0, 0))
    assert decode_abort(head + bytes((0, 0))) == "DUL service-user"
    assert decode_abort(head + bytes((2, 2))) == "DUL service-provider: Unexpected PDU"
    assert decode_abort(head + bytes((2, 9))) == "DUL service-provider: reason 9"
    assert decode_abort(head + bytes((1, 9))) == "source 1"


@pytest.mark.parametrize("maximum_length", [0, 8, 16, 17, 64, 16383])
def test_fragments(maximum_length: int) -> None:
    """Any content comes out of its PDUs as it went in, none is longer than the peer takes."""
    content = bytes(range(256)) * 2
    sent = [*encode_data(1, 0, content[:300], maximum_length, last=False)]
    sent += encode_data(1, 0, content[300:], maximum_length)
    fragments = [len(piece) for piece in sent[2::3]]  # each behind two headers
    assert max(fragments) <= (maximum_length or 1 << 20) - 6
    assert {length % 2 for length in fragments} == {0}
    request = wire.fragment(1, 3, wire.command(1, instance="1.2.3"))
    (message,) = read_all(reader(), request + b"".join(sent), 1000)
    assert isinstance(message, Message)
    assert gathered(message) == content


def test_what_a_requestor_is_sent() -> None:
    """An answer to its request, then responses; a release is expected once it has asked."""
    pdus = PduReader(ResponseReader(), 65536, Phase.ANSWER)
    reject = wire.pdu(3, bytes(4))
    assert read_all(pdus, reject, 3) == [Pdu(3, reject)]
    for unexpected in (wire.pdu(1, bytes(100)), wire.fragment(1, 3, b"x"), RELEASE_REPLY):
        with pytest.raises(ProtocolError):
            read_all(pdus, unexpected, 100)
    pdus.expect(Phase.ESTABLISHED)
    with pytest.raises(ProtocolError):
        read_all(pdus, RELEASE_REPLY, 100)
    pdus.expect(Phase.RELEASING)
    assert read_all(pdus, RELEASE_REPLY, 3) == [Pdu(6, RELEASE_REPLY)]


@pytest.mark.parametrize("cut", [1, 5, 1000])
def test_responses(cut: int) -> None:
    """Responses come one by one; a dataset with one, which none of ours has, is passed over."""
    content = wire.element(0x0100, b"\1\x80") + wire.element(0x0120, b"\7\0")
    content += wire.element(0x0900, b"\0\xa7")
    data = wire.fragment(1, 1, content[:9]) + wire.fragment(1, 3, content[9:])
    data += wire.fragment(1, 2, b"a dataset") + wire.fragment(1, 3, content)
    pdus = PduReader(ResponseReader(), 65536, Phase.ESTABLISHED)
    assert read_all(pdus, data, cut) == [Response(0xA700, answers=(1, 7))] * 2
    with pytest.raises(ProtocolError):
        read_all(pdus, wire.fragment(1, 1, bytes(60_000)) * 2, 1000)
