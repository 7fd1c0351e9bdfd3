# SPDX-License-Identifier: Apache-2.0
"""What is agreed, as pynetdicom reads the answer."""

from dataclasses import replace

import pytest
from pydicom.uid import UID
from pynetdicom import AllStoragePresentationContexts
from pynetdicom.pdu_primitives import (
    AsynchronousOperationsWindowNegotiation,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)

from pons.dicom.network.associate import decode_proposal
from pons.dicom.network.messages import Context
from pons.dicom.network.rejection import Reason, Rejection
from pons_ingress.negotiation import negotiate
from pons_ingress.service_classes import Permission
from pons_ingress.syntaxes import StorageClasses

from .proposed import (
    CT,
    EVERYTHING,
    EXPLICIT,
    IMPLICIT,
    JPEG_LS,
    RULES,
    VERIFICATION,
    agree,
    answered,
    request,
)

FIND = "1.2.840.10008.5.1.4.1.2.2.1"
COMMITMENT = "1.2.840.10008.1.20.1"
PRIVATE = "1.2.840.113619.5.2"
WITH_ALL = replace(RULES, offered=frozenset(Permission))


def test_proposal() -> None:
    """What was proposed is read as it was written."""
    proposal = decode_proposal(request((CT, [JPEG_LS, EXPLICIT]), (VERIFICATION, [IMPLICIT])))
    assert (proposal.calling_aet, proposal.called_aet) == ("MODALITY", "PONS")
    assert proposal.contexts[0].transfer_syntaxes == (JPEG_LS, EXPLICIT)
    assert proposal.contexts[1].abstract_syntax == VERIFICATION
    assert proposal.user.maximum_length == 16382


def test_results() -> None:
    """Each context has its result: accepted, abstract syntax or transfer syntaxes not supported."""
    agreement = agree(
        request((CT, [EXPLICIT]), (FIND, [EXPLICIT]), (CT, [PRIVATE]), (VERIFICATION, [IMPLICIT]))
    )
    _, contexts = answered(agreement)
    assert {number: context.result for number, context in contexts.items()} == {
        1: 0,
        3: 3,
        5: 4,
        7: 0,
    }
    assert agreement.contexts == {
        1: Context(1, CT, EXPLICIT),
        7: Context(7, VERIFICATION, IMPLICIT),
    }
    assert agreement.peer_maximum_length == 16382


@pytest.mark.parametrize(
    ("proposed", "accepted"),
    [
        ([JPEG_LS, EXPLICIT, IMPLICIT], JPEG_LS),
        ([IMPLICIT, EXPLICIT], IMPLICIT),
        ([EXPLICIT, IMPLICIT], EXPLICIT),
        ([PRIVATE, EXPLICIT], EXPLICIT),
    ],
)
def test_first_supported_transfer_syntax(proposed: list[str], accepted: str) -> None:
    """The requestor's order decides between transfer syntaxes."""
    agreement = agree(request((CT, proposed)))
    _, contexts = answered(agreement)
    assert contexts[1].transfer_syntax == [accepted]
    assert agreement.contexts[1].transfer_syntax == accepted


def test_one_abstract_syntax_in_several_contexts() -> None:
    """Contexts of one SOP class with a transfer syntax each, as many senders propose them."""
    agreement = agree(request((CT, [JPEG_LS]), (CT, [EXPLICIT]), (CT, [PRIVATE]), (CT, [IMPLICIT])))
    assert [
        (number, context.transfer_syntax) for number, context in agreement.contexts.items()
    ] == [(1, JPEG_LS), (3, EXPLICIT), (7, IMPLICIT)]


def test_every_storage_class() -> None:
    """128 storage classes in one request are all accepted."""
    uids = [str(context.abstract_syntax) for context in AllStoragePresentationContexts[:128]]
    agreement = agree(request(*((uid, [EXPLICIT]) for uid in uids)))
    assert [context.abstract_syntax for context in agreement.contexts.values()] == uids


def test_unknown_sop_class() -> None:
    """A private SOP class is for the setting to accept."""
    pdu = request(("1.2.840.113619.4.30", [EXPLICIT]), (VERIFICATION, [IMPLICIT]))
    assert list(agree(pdu).contexts) == [3]
    accepting = replace(RULES, storage=StorageClasses(accept_unknown=True))
    assert list(agree(pdu, accepting).contexts) == [1, 3]


def test_sop_classes_that_are_not_received() -> None:
    """They are no abstract syntax of ours, except to a peer that wants to be sent them."""
    rules = replace(WITH_ALL, storage=StorageClasses(rejected=[CT]))
    mr = "1.2.840.10008.5.1.4.1.1.4"
    _, contexts = answered(agree(request((CT, [EXPLICIT]), (mr, [EXPLICIT])), rules))
    assert [contexts[number].result for number in (1, 3)] == [3, 0]
    role = SCP_SCU_RoleSelectionNegotiation()
    role.sop_class_uid, role.scu_role, role.scp_role = CT, True, True
    agreement = agree(request((CT, [EXPLICIT]), user=(role,)), rules)
    pdu, _ = answered(agreement)
    assert pdu.user_information is not None
    answer = pdu.user_information.role_selection[UID(CT)]
    assert (answer.scu_role, answer.scp_role) == (False, True)
    assert agreement.scp_of == {CT}


def test_accepted_transfer_syntaxes() -> None:
    """Only what is accepted at this moment is agreed on for storage; an echo is never refused."""
    pdu = request((CT, [JPEG_LS, EXPLICIT]), (CT, [JPEG_LS]), (VERIFICATION, [IMPLICIT]))
    contexts = agree(pdu, replace(RULES, transfer_syntaxes=frozenset([EXPLICIT]))).contexts
    assert {n: c.transfer_syntax for n, c in contexts.items()} == {1: EXPLICIT, 5: IMPLICIT}


def test_our_user_information() -> None:
    """The answer says what we take and who we are, and repeats the request's titles bit by bit."""
    pdu_bytes = bytearray(request((CT, [EXPLICIT])))
    pdu_bytes[42:74] = bytes(range(32))
    agreement = agree(bytes(pdu_bytes))
    assert agreement.reply[10:74] == pdu_bytes[10:74]
    pdu, _ = answered(agreement)
    assert pdu.application_context_name == "1.2.840.10008.3.1.1.1"
    assert pdu.user_information is not None
    assert pdu.user_information.maximum_length == 65536
    assert str(pdu.user_information.implementation_class_uid).startswith("2.25.")
    assert str(pdu.user_information.implementation_version_name).startswith("PONS_")
    assert pdu.user_information.async_ops_window is None
    assert pdu.user_information.user_identity is None


def test_asynchronous_operations() -> None:
    """Whatever window is proposed, one operation at a time is agreed."""
    window = AsynchronousOperationsWindowNegotiation()
    window.maximum_number_operations_invoked = 8
    window.maximum_number_operations_performed = 0
    pdu, _ = answered(agree(request((CT, [EXPLICIT]), user=(window,))))
    assert pdu.user_information is not None
    assert pdu.user_information.async_ops_window is not None
    assert pdu.user_information.async_ops_window.max_operations_invoked == 1
    assert pdu.user_information.async_ops_window.max_operations_performed == 1


@pytest.mark.parametrize(
    ("scu", "scp", "result", "answer"),
    [(True, True, 0, (1, 0)), (True, False, 0, (1, 0)), (False, True, 1, None)],
)
def test_roles(scu: bool, scp: bool, result: int, answer: tuple[int, int] | None) -> None:
    """The requestor may be SCU; one that wants to be only SCP has its context refused."""
    role = SCP_SCU_RoleSelectionNegotiation()
    role.sop_class_uid = CT
    role.scu_role, role.scp_role = scu, scp
    pdu, contexts = answered(agree(request((CT, [EXPLICIT]), user=(role,))))
    assert contexts[1].result == result
    assert pdu.user_information is not None
    roles = pdu.user_information.role_selection
    if answer is None:
        assert roles == {}
    else:
        assert (roles[UID(CT)].scu_role, roles[UID(CT)].scp_role) == answer


def test_extended_negotiation_of_storage() -> None:
    """What is extended of other classes neither disturbs nor is answered."""
    extended = SOPClassExtendedNegotiation()
    extended.sop_class_uid = CT
    extended.service_class_application_information = b"\2\0\3\0\1\0"
    common = SOPClassCommonExtendedNegotiation()
    common.sop_class_uid = CT
    common.service_class_uid = "1.2.840.10008.4.2"
    pdu, contexts = answered(agree(request((CT, [EXPLICIT]), user=(extended, common))))
    assert contexts[1].result == 0
    assert pdu.user_information is not None
    assert pdu.user_information.ext_neg == []
    assert pdu.user_information.common_ext_neg == []


@pytest.mark.parametrize(
    ("identity_type", "asked", "answered_with"),
    [(1, True, b""), (1, False, None), (2, True, None), (3, True, None)],
)
def test_user_identity(identity_type: int, asked: bool, answered_with: bytes | None) -> None:
    """A user name is acknowledged when asked for; what would need verification never is."""
    identity = UserIdentityNegotiation()
    identity.user_identity_type = identity_type
    identity.primary_field = b"someone"
    identity.secondary_field = b"secret"
    identity.positive_response_requested = asked
    pdu, contexts = answered(agree(request((CT, [EXPLICIT]), user=(identity,))))
    assert contexts[1].result == 0
    assert pdu.user_information is not None
    item = pdu.user_information.user_identity
    assert getattr(item, "server_response", None) == answered_with


def test_permissions() -> None:
    """Without the permission to store, those contexts are refused; if nothing is left, all is."""
    proposal = decode_proposal(request((CT, [EXPLICIT]), (VERIFICATION, [IMPLICIT])))
    agreement = negotiate(proposal, frozenset({Permission.ECHO}), RULES)
    _, contexts = answered(agreement)
    assert (contexts[1].result, contexts[3].result) == (1, 0)
    assert list(agreement.contexts) == [3]
    proposal = decode_proposal(request((CT, [EXPLICIT])))
    with pytest.raises(Rejection) as rejected:
        negotiate(proposal, frozenset({Permission.ECHO}), RULES)
    assert rejected.value.reason == Reason.CALLING_AET


def test_only_what_is_served_is_accepted() -> None:
    """A query/retrieve class is accepted once there is a service for it."""
    pdu = request((FIND, [JPEG_LS, IMPLICIT]), (FIND, [JPEG_LS]), (COMMITMENT, [EXPLICIT]))
    with_find = replace(RULES, offered=RULES.offered | {Permission.FIND})
    for rules, results in ((RULES, [3, 3, 3]), (with_find, [0, 4, 3]), (WITH_ALL, [0, 4, 0])):
        agreement = agree(pdu, rules)
        _, contexts = answered(agreement)
        assert [contexts[number].result for number in (1, 3, 5)] == results
    assert agreement.contexts[1] == Context(1, FIND, IMPLICIT)


@pytest.mark.parametrize(
    ("scu", "scp", "permissions", "result", "answer"),
    [
        (True, True, EVERYTHING, 0, (1, 1)),
        (False, True, EVERYTHING, 0, (0, 1)),
        (True, False, EVERYTHING, 0, (1, 0)),
        (True, True, EVERYTHING - {Permission.STORE}, 0, (0, 1)),
        (True, True, EVERYTHING - {Permission.GET}, 0, (1, 0)),
        (False, True, EVERYTHING - {Permission.GET}, 1, None),
    ],
)
def test_roles_with_get(
    scu: bool,
    scp: bool,
    permissions: frozenset[Permission],
    result: int,
    answer: tuple[int, int] | None,
) -> None:
    """Who retrieves by C-GET may take the role of the SCP of what it retrieves (PS3.4 C.4.3)."""
    role = SCP_SCU_RoleSelectionNegotiation()
    role.sop_class_uid = CT
    role.scu_role, role.scp_role = scu, scp
    proposal = decode_proposal(request((CT, [EXPLICIT]), (VERIFICATION, [IMPLICIT]), user=(role,)))
    agreement = negotiate(proposal, permissions, WITH_ALL)
    pdu, contexts = answered(agreement)
    assert contexts[1].result == result
    assert pdu.user_information is not None
    roles = pdu.user_information.role_selection
    found = {uid: (one.scu_role, one.scp_role) for uid, one in roles.items()}
    assert found == ({} if answer is None else {UID(CT): answer})
    assert agreement.scp_of == ({CT} if answer is not None and answer[1] else set())


def test_extended_negotiation_of_query() -> None:
    """Relational queries are agreed on when asked for; no other option is."""
    extended = SOPClassExtendedNegotiation()
    extended.sop_class_uid = FIND
    for asked, answer in ((b"\1\1\1\1\1", b"\1\0\0\0\0"), (b"\1", b"\1"), (b"\0\1\1", bytes(3))):
        extended.service_class_application_information = asked
        agreement = agree(request((FIND, [EXPLICIT]), user=(extended,)), WITH_ALL)
        pdu, _ = answered(agreement)
        assert pdu.user_information is not None
        (item,) = pdu.user_information.ext_neg
        assert (item.uid, item.app_info) == (FIND, answer)
        assert agreement.relational == ({FIND} if asked[0] else set())
