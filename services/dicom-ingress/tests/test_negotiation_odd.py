# SPDX-License-Identifier: Apache-2.0
"""Association requests that are malformed, hostile or foreign."""

import struct
import time

import pytest

from pons.dicom.network.associate import decode_proposal
from pons.dicom.network.pdu import ProtocolError
from pons.dicom.network.rejection import Rejection
from pons_ingress.negotiation import refuse_foreign

from .proposed import (
    CT,
    EXPLICIT,
    IMPLICIT,
    JPEG_LS,
    VERIFICATION,
    agree,
    answered,
    request,
)


def test_foreign_protocols() -> None:
    """Another protocol version, application context, or PDUs too small to use, are rejected."""
    whole = request((CT, [EXPLICIT]))
    decode = decode_proposal
    with pytest.raises(Rejection) as version:
        refuse_foreign(decode(whole[:6] + b"\0\2" + whole[8:]))
    assert version.value.encode() == b"\3\0\0\0\0\4\0\1\2\2"
    with pytest.raises(Rejection) as context:
        refuse_foreign(decode(whole.replace(b"10008.3.1.1.1", b"10008.3.1.1.2")))
    assert context.value.encode() == b"\3\0\0\0\0\4\0\1\1\2"
    with pytest.raises(Rejection) as tiny:
        refuse_foreign(decode(whole.replace(struct.pack(">I", 16382), struct.pack(">I", 5))))
    assert tiny.value.encode() == b"\3\0\0\0\0\4\0\1\2\1"
    refuse_foreign(decode(whole[:6] + b"\0\3" + whole[8:]))


def test_unknown_items_are_skipped() -> None:
    """Items that a later standard may bring do not end the association (PS3.8 9.3.1)."""
    whole = request((CT, [EXPLICIT]))
    later = whole[:2] + struct.pack(">I", len(whole) - 6 + 8) + whole[6:] + b"\x77\0\0\4abcd"
    assert list(agree(later).contexts) == [1]


def test_names_that_are_no_uids() -> None:
    """A context with a malformed name is refused alone."""
    names = request((CT, [EXPLICIT]), ("1.2.840.113619.4.30", [EXPLICIT]), (CT, [JPEG_LS]))
    names = names.replace(b"1.2.840.113619.4.30", b"1.2.840.113619.4.03")
    names = names.replace(JPEG_LS.encode(), b"1.2.840.10008.1.2.4.0x")
    agreement = agree(names)
    _, contexts = answered(agreement)
    assert {number: context.result for number, context in contexts.items()} == {1: 0, 3: 3, 5: 4}


def test_malformed_requests() -> None:
    """A request that cannot be read is aborted by the user."""
    whole = request((CT, [EXPLICIT]), (VERIFICATION, [IMPLICIT]))
    at_context = whole.index(b"\x20\0", 74)
    cases = {
        "cut in an item": whole[:-3],
        "no items": whole[:74],
        "even context number": whole[: at_context + 4] + b"\2" + whole[at_context + 5 :],
        "a number twice": whole[: at_context + 4] + b"\3" + whole[at_context + 5 :],
        "item longer than the rest": whole[: at_context + 2] + b"\xff" + whole[at_context + 3 :],
        "no application context": whole.replace(b"\x10\0\0\x15", b"\x11\0\0\x15"),
        "no abstract syntax": whole.replace(b"\x30\0\0\x19", b"\x31\0\0\x19"),
        "broken user information": whole[:-11] + b"\x52\0\0\7\xff\xff1.2.3",
    }
    for name, pdu in cases.items():
        with pytest.raises(ProtocolError) as raised:
            decode_proposal(pdu)
        assert (raised.value.source, raised.value.reason) == (0, 0), name


def test_titles_of_odd_characters() -> None:
    """AE titles are stripped, and what cannot be in one does not get further."""
    whole = request((CT, [EXPLICIT]))
    odd = whole[:10] + b"  P\xd6NS\0\0".ljust(16) + b"A\\B\nC".ljust(16) + whole[42:]
    proposal = decode_proposal(odd)
    assert (proposal.called_aet, proposal.calling_aet) == ("P?NS", "A?B?C")


def test_hostile_requests_cost_little() -> None:
    """The largest requests of the smallest items are refused in a fraction of a second."""

    def item(kind: int, content: bytes) -> bytes:
        return struct.pack(">BxH", kind, len(content)) + content

    start = request((CT, [EXPLICIT]))
    context = item(0x20, b"\1\0\0\0" + item(0x30, CT.encode()) + item(0x40, EXPLICIT.encode()))
    many_syntaxes = item(0x20, b"\1\0\0\0" + item(0x30, b"1.2") + item(0x40, b"1") * 13_000)
    for name, items in {
        "contexts": context * 4_000,
        "transfer syntaxes": many_syntaxes * 4,
        "unknown items": item(0x99, b"") * 60_000,
        "user items": item(0x50, item(0x53, b"\0\1\0\1") * 8_000) * 4,
        "roles": item(0x50, item(0x54, b"\0\3" + b"1.2" + b"\1\1") * 5_000),
    }.items():
        started = time.thread_time()
        with pytest.raises(ProtocolError):
            decode_proposal(start[:74] + items)
        assert time.thread_time() - started < 0.5, name
