# SPDX-License-Identifier: Apache-2.0
"""What is proposed and accepted, as pynetdicom writes and reads it."""

from typing import Any

import pytest
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ

from pons.dicom.network.associate import (
    Acceptance,
    ContextResult,
    Proposal,
    ProposedContext,
    decode_acceptance,
    decode_proposal,
    encode_acceptance,
    encode_proposal,
)
from pons.dicom.network.pdu import ProtocolError
from pons.dicom.network.rejection import Reason, Rejection, decode_rejection
from pons.dicom.network.user_information import (
    Role,
    UserIdentity,
    UserInformation,
    our_information,
)
from pons.errors import BadRequest
from pons_testing import wire

JPEG = "1.2.840.10008.1.2.4.50"
LOCAL_LIMIT = (
    "Local limit exceeded (Rejected (Transient), DUL service-provider (presentation related))"
)
CONTEXTS = (
    ProposedContext(1, wire.CT, (wire.EXPLICIT, wire.IMPLICIT)),
    ProposedContext(3, wire.VERIFICATION, (JPEG,)),
)
EVERYTHING = UserInformation(
    maximum_length=65536,
    implementation_class_uid="1.2.3",
    operations_window=(1, 1),
    roles=(Role(wire.CT, scu=True, scp=False), Role("1.2.3", scu=False, scp=True)),
    implementation_version_name="NAME",
    identity=UserIdentity(2, True, b"someone", b"secret"),
    identity_response=b"ticket",
)


def test_a_proposal_as_pynetdicom_reads_it() -> None:
    """Titles, contexts and the user information of a request."""
    request: Any = A_ASSOCIATE_RQ()
    request.decode(encode_proposal(Proposal("YOU", "ME", CONTEXTS, our_information(65536))))
    assert (request.calling_ae_title, request.called_ae_title) == ("ME", "YOU")
    contexts = request.presentation_context
    assert [context.presentation_context_id for context in contexts] == [1, 3]
    assert [context.transfer_syntax for context in contexts] == [
        [wire.EXPLICIT, wire.IMPLICIT],
        [JPEG],
    ]
    assert request.user_information.maximum_length == 65536
    assert request.user_information.implementation_version_name.startswith("PONS_")


def test_an_acceptance_as_pynetdicom_reads_it() -> None:
    """Results and the user information of an answer."""
    results = (ContextResult(1, 0, wire.EXPLICIT), ContextResult(3, 4, JPEG))
    role = Role(wire.CT, scu=True, scp=False)
    user = our_information(0, roles=(role,), operations_window=(1, 1), identity_response=b"x")
    accept: Any = A_ASSOCIATE_AC()
    accept.decode(encode_acceptance(Acceptance(results, user), bytes(64)))
    read = accept.user_information
    assert [c.result_reason for c in accept.presentation_context] == [0, 4]
    assert [c.transfer_syntax for c in accept.presentation_context] == [wire.EXPLICIT, JPEG]
    assert read.role_selection[wire.CT].scu_role == 1
    assert read.role_selection[wire.CT].scp_role == 0
    assert read.user_identity.server_response == b"x"
    assert read.async_ops_window.max_operations_invoked == 1


def test_what_is_written_is_read() -> None:
    """Each part of both PDUs comes out as it went in."""
    proposal = Proposal("YOU", "ME", CONTEXTS, EVERYTHING)
    read = decode_proposal(encode_proposal(proposal))
    assert (read.called_aet, read.calling_aet) == ("YOU", "ME")
    assert (read.contexts, read.user) == (CONTEXTS, EVERYTHING)
    acceptance = Acceptance((ContextResult(1, 0, JPEG), ContextResult(3, 3, JPEG)), EVERYTHING)
    assert decode_acceptance(encode_acceptance(acceptance, read.echoed)) == acceptance
    assert "secret" not in repr(read)


def test_an_aet_that_does_not_fit() -> None:
    """A title is refused rather than cut: the peer would take us for someone else."""
    with pytest.raises(BadRequest, match="more than 16 characters"):
        encode_proposal(Proposal("A" * 17, "ME", CONTEXTS, EVERYTHING))


@pytest.mark.parametrize(
    "user",
    [
        wire.item(0x51, bytes(3)),
        wire.item(0x52, b"\xff.2"),
        wire.item(0x53, bytes(5)),
        wire.item(0x54, b"\0\7" + b"1.2.3"),
        wire.item(0x54, b"\0\3" + b"1.2" + b"\1"),
        wire.item(0x58, b"\1\1\0\5abc"),
        wire.item(0x58, b"\1\1\0\3abc"),
        wire.item(0x59, b"\0"),
        wire.item(0x51, bytes(4))[:-1],
    ],
)
def test_malformed_answers(user: bytes) -> None:
    """A part that is cut short is refused in an answer as in a request."""
    with pytest.raises(ProtocolError):
        decode_acceptance(wire.pdu(2, bytes(68) + wire.item(0x50, user)))


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        ((1, 1, 7), "Called AE title not recognised (Rejected (Permanent), DUL service-user)"),
        ((2, 3, 2), LOCAL_LIMIT),
        ((9, 9, 9), "result 9, source 9, reason 9"),
    ],
)
def test_rejections_in_words(codes: tuple[int, int, int], words: str) -> None:
    """A rejection is told in words; codes that the standard does not have are told as numbers."""
    assert decode_rejection(bytes((3, 0, 0, 0, 0, 4, 0, *codes))) == words


@pytest.mark.parametrize("reason", Reason)
def test_rejections_as_pynetdicom_reads_them(reason: Reason) -> None:
    """What a peer is told is what is meant, and what we would say of it."""
    pdu: Any = A_ASSOCIATE_RJ()
    encoded = Rejection(reason, "why").encode()
    pdu.decode(encoded)
    words = f"{pdu.reason_str} ({pdu.result_str}, {pdu.source_str})"
    assert decode_rejection(encoded) == words
    assert words.startswith(reason.words)
