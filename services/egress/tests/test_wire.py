# SPDX-License-Identifier: Apache-2.0
"""Bytes to and from a peer, and what is proposed to it, without a peer."""

from dataclasses import dataclass
from typing import Any

import pytest
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)
from pynetdicom.pdu import A_ASSOCIATE_RJ, A_ASSOCIATE_RQ

from pons_egress import wire
from pons_egress.contexts import choose, plan, proposals_for, refusal

EXPLICIT, IMPLICIT = str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian)
JPEG = str(JPEGBaseline8Bit)
CT = "1.2.840.10008.5.1.4.1.1.2"


LOCAL_LIMIT = (
    "Local limit exceeded (Rejected (Transient), DUL service-provider (presentation related))"
)


@dataclass(frozen=True)
class Stored:
    sop_class_uid: str
    transfer_syntax: str


def test_the_association_request() -> None:
    """The request carries our AE title, the peer's, and one transfer syntax for each context."""
    request: Any = A_ASSOCIATE_RQ()
    request.decode(wire.encode_associate("ME", "YOU", [(CT, EXPLICIT), (CT, JPEG)], 65536))
    assert (request.calling_ae_title, request.called_ae_title) == ("ME", "YOU")
    contexts = request.presentation_context
    assert [context.presentation_context_id for context in contexts] == [1, 3]
    assert [context.transfer_syntax for context in contexts] == [[EXPLICIT], [JPEG]]
    assert request.user_information.maximum_length == 65536
    assert request.user_information.implementation_version_name.startswith("PONS_")


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        ((1, 1, 7), "Called AE title not recognised (Rejected (Permanent), DUL service-user)"),
        (
            (2, 3, 2),
            LOCAL_LIMIT,
        ),
        ((9, 9, 9), "result 9, source 9, reason 9"),
    ],
)
def test_rejections_in_words(codes: tuple[int, int, int], words: str) -> None:
    """A rejection is told in words; codes that the standard does not have are told as numbers."""
    pdu = bytes((3, 0, 0, 0, 0, 4, 0, *codes))
    A_ASSOCIATE_RJ().decode(pdu)
    assert wire.decode_reject(pdu) == words


def test_aborts_in_words() -> None:
    """An abort by the provider has a reason, one by the user has none."""
    head = bytes((7, 0, 0, 0, 0, 4, 0, 0))
    assert wire.decode_abort(head + bytes((0, 0))) == "DUL service-user"
    assert wire.decode_abort(head + bytes((2, 2))) == "DUL service-provider: Unexpected PDU"


def test_a_command_set() -> None:
    """Elements ascend, text is padded to even length, and the group length counts what follows."""
    encoded = wire.encode_command(
        {wire.SOP_INSTANCE_UID: "1.2", wire.COMMAND_FIELD: 1, wire.MOVE_ORIGINATOR_AET: "ABC"}
    )
    assert encoded == (
        b"\0\0\0\0\4\0\0\0\x22\0\0\0"
        b"\0\0\0\1\2\0\0\0\1\0"
        b"\0\0\0\x10\4\0\0\x001.2\0"
        b"\0\0\x30\x10\4\0\0\0ABC "
    )


def test_a_response() -> None:
    """Status and comment of a response are read; one that is cut short is refused."""
    encoded = wire.encode_command(
        {wire.COMMAND_FIELD: 0x8001, wire.MESSAGE_ID_RESPONDED_TO: 7, wire.STATUS: 0xA700}
    )
    assert wire.decode_response(encoded) == wire.Response(0x8001, 7, 0xA700, "")
    with pytest.raises(wire.Malformed):
        wire.decode_response(encoded[:-3])
    with pytest.raises(wire.Malformed):
        wire.decode_response(b"")


@pytest.mark.parametrize("maximum_length", [0, 16, 64, 16384])
def test_fragments(maximum_length: int) -> None:
    """Any content comes out of its PDUs as it went in, none is longer than the peer takes."""
    content = bytes(range(256)) * 2
    sent = b"".join(bytes(p) for p in wire.data_pdus(5, 0, content, maximum_length, True))
    received, last, longest = b"", [], 0
    while sent:
        length = int.from_bytes(sent[2:6], "big")
        longest = max(longest, length)
        for control, fragment in wire.fragments(sent[6 : 6 + length]):
            received += fragment
            last.append(control & wire.LAST)
        sent = sent[6 + length :]
    assert received == content
    assert [bool(mark) for mark in last] == [False] * (len(last) - 1) + [True]
    assert longest <= (maximum_length or 1 << 20)


@pytest.mark.parametrize("data", [b"\0", b"\0\0\0\1\1\3", b"\0\0\0\x09\1\3abc"])
def test_malformed_fragments(data: bytes) -> None:
    """A PDV that does not fit its PDU is refused."""
    with pytest.raises(wire.Malformed):
        list(wire.fragments(data))


def test_an_uncompressed_instance_may_be_re_encoded() -> None:
    """Its own syntax is proposed first and used wherever it is accepted."""
    explicit, compressed = Stored(CT, EXPLICIT), Stored(CT, JPEG)
    assert proposals_for(explicit) == [(CT, EXPLICIT), (CT, IMPLICIT)]
    assert proposals_for(compressed) == [(CT, JPEG)]
    both = {(CT, IMPLICIT): 3, (CT, EXPLICIT): 1}
    assert choose(both, explicit) == (CT, EXPLICIT)
    assert choose({(CT, IMPLICIT): 3}, explicit) == (CT, IMPLICIT)
    assert choose(both, compressed) is None
    assert refusal({}, compressed) == (
        "does not accept CT Image Storage in JPEG Baseline (Process 1)"
    )


def test_one_association_for_what_fits() -> None:
    """Equal instances share their contexts; the 65th pair of contexts begins an association."""
    same = [Stored(CT, EXPLICIT)] * 500 + [Stored(CT, IMPLICIT)] * 500
    ((proposals, run),) = plan(same)
    assert (proposals, len(run)) == ([(CT, EXPLICIT), (CT, IMPLICIT)], 1000)
    different = [Stored(f"1.2.{number}", EXPLICIT) for number in range(65)]
    assert [(len(p), len(run)) for p, run in plan(different)] == [(128, 64), (2, 1)]
    assert list(plan([])) == []
