# SPDX-License-Identifier: Apache-2.0
"""What is agreed with a peer about presentation contexts and the rest (PS3.8 7.1.1, PS3.7 D.3)."""

from collections.abc import Mapping
from dataclasses import dataclass

from pons.dicom.network.associate import (
    ABSTRACT_SYNTAX_REJECTED,
    ACCEPTED,
    APPLICATION_CONTEXT_NAME,
    PROTOCOL_VERSION,
    TRANSFER_SYNTAXES_REJECTED,
    USER_REJECTION,
    Acceptance,
    ContextResult,
    Proposal,
    ProposedContext,
    encode_acceptance,
)
from pons.dicom.network.dimse import VERIFICATION
from pons.dicom.network.messages import Context
from pons.dicom.network.pdu import PDV_HEADER
from pons.dicom.network.rejection import Reason, Rejection
from pons.dicom.network.user_information import Role, UserInformation, our_information
from pons.dicom.transfer_syntaxes import IMPLICIT_VR, TRANSFER_SYNTAXES
from pons_ingress.admission import Permission
from pons_ingress.syntaxes import is_storage

ANY = TRANSFER_SYNTAXES
"""For services that keep nothing."""
USERNAME = 1
"""The one type of user identity that brings nothing to verify (PS3.7 D.3.3.7.1)."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What this side brings to a negotiation."""

    maximum_pdu_length: int
    accept_unknown_sop_classes: bool
    transfer_syntaxes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Agreement:
    """An accepted association."""

    contexts: Mapping[int, Context]
    peer_maximum_length: int
    """Largest P-DATA that the peer takes, 0 for any."""
    reply: bytes
    """The A-ASSOCIATE-AC."""


def refuse_foreign(proposal: Proposal) -> None:
    """Raise `Rejection` for a proposal that is not of DICOM as we speak it."""
    if not proposal.protocol_version & PROTOCOL_VERSION:
        version = f"protocol version {proposal.protocol_version:#06x}"
        raise Rejection(Reason.PROTOCOL_VERSION, version)
    if proposal.application_context != APPLICATION_CONTEXT_NAME:
        context = f"application context {proposal.application_context}"
        raise Rejection(Reason.APPLICATION_CONTEXT, context)
    if 0 < (proposal.user.maximum_length or 0) <= PDV_HEADER.size:
        what = f"no message fits into PDUs of {proposal.user.maximum_length} bytes"
        raise Rejection(Reason.NO_REASON_OF_PROVIDER, what)


def negotiate(proposal: Proposal, permissions: frozenset[Permission], rules: Rules) -> Agreement:
    """Accept what of the proposal is supported and permitted.

    Of a context's transfer syntaxes the first supported one is accepted: peers that have a
    preference list it first, and since datasets are kept as they come, any is as good to us.
    The requestor may be SCU: a context for which it wants to be SCP alone is refused.
    Raises `Rejection` when permissions alone leave nothing of what is supported.
    """
    roles = {role.sop_class_uid: role for role in proposal.user.roles}
    results: list[ContextResult] = []
    accepted: dict[int, Context] = {}
    supported: set[str] = set()
    for proposed in proposal.contexts:
        context_id, sop_class_uid = proposed.context_id, proposed.abstract_syntax
        transfer_syntax = _choose(proposed, rules)
        result = _judge(proposed, transfer_syntax, roles.get(sop_class_uid), rules)
        if result == ACCEPTED and transfer_syntax is not None:
            supported.add(sop_class_uid)
            if _permission(sop_class_uid) in permissions:
                accepted[context_id] = Context(context_id, sop_class_uid, transfer_syntax)
            else:
                result = USER_REJECTION
        any_syntax = transfer_syntax or next(iter(proposed.transfer_syntaxes), IMPLICIT_VR)
        results.append(ContextResult(context_id, result, any_syntax))
    if supported and not accepted:
        raise Rejection(
            Reason.CALLING_AET,
            f"{proposal.calling_aet} is not a modality that may do what it proposes",
        )
    answered = tuple(Role(uid, scu=True, scp=False) for uid in sorted(supported & roles.keys()))
    user = _user_information(proposal.user, answered, rules)
    return Agreement(
        contexts=accepted,
        peer_maximum_length=proposal.user.maximum_length or 0,
        reply=encode_acceptance(Acceptance(tuple(results), user), proposal.echoed),
    )


def _permission(abstract_syntax: str) -> Permission:
    return Permission.ECHO if abstract_syntax == VERIFICATION else Permission.STORE


def _choose(proposed: ProposedContext, rules: Rules) -> str | None:
    """The first transfer syntax that is accepted."""
    accepted = ANY if proposed.abstract_syntax == VERIFICATION else rules.transfer_syntaxes
    return next((uid for uid in proposed.transfer_syntaxes if uid in accepted), None)


def _judge(
    proposed: ProposedContext, transfer_syntax: str | None, role: Role | None, rules: Rules
) -> int:
    """The result of a context, permissions aside."""
    uid = proposed.abstract_syntax
    if uid != VERIFICATION and not (uid and is_storage(uid, rules.accept_unknown_sop_classes)):
        return ABSTRACT_SYNTAX_REJECTED
    if transfer_syntax is None:
        return TRANSFER_SYNTAXES_REJECTED
    return USER_REJECTION if role is not None and not role.scu else ACCEPTED


def _user_information(
    proposed: UserInformation, roles: tuple[Role, ...], rules: Rules
) -> UserInformation:
    """Our part of the user information. Extended negotiation needs no answer (PS3.7 D.3.3.5)."""
    identity = proposed.identity
    # A positive answer to another type would say that a password or ticket has been verified.
    acknowledged = (
        identity is not None and identity.kind == USERNAME and identity.response_requested
    )
    return our_information(
        rules.maximum_pdu_length,
        operations_window=None if proposed.operations_window is None else (1, 1),
        roles=roles,
        identity_response=b"" if acknowledged else None,
    )
