# SPDX-License-Identifier: Apache-2.0
"""What is agreed with a peer about presentation contexts and the rest (PS3.8 7.1.1, PS3.7 D.3)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pydicom.uid import UID, ImplicitVRLittleEndian
from pynetdicom._globals import APPLICATION_CONTEXT_NAME
from pynetdicom.pdu import A_ASSOCIATE_AC
from pynetdicom.pdu_items import (
    ApplicationContextItem,
    PresentationContextItemAC,
    UserIdentitySubItemAC,
    UserIdentitySubItemRQ,
    UserInformationItem,
)
from pynetdicom.pdu_primitives import (
    AsynchronousOperationsWindowNegotiation,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
)
from pynetdicom.presentation import PresentationContext, negotiate_as_acceptor

from pons import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from pons.dicom.transfer_syntaxes import TRANSFER_SYNTAXES
from pons_ingress.admission import Permission
from pons_ingress.messages import Context
from pons_ingress.pdu import PDV_HEADER
from pons_ingress.proposal import Proposal, ProposedContext
from pons_ingress.rejection import (
    NoReason,
    UnknownCallingAet,
    UnsupportedApplicationContext,
    UnsupportedProtocolVersion,
)
from pons_ingress.syntaxes import VERIFICATION, is_storage

ACCEPTED, USER_REJECTION, ABSTRACT_SYNTAX_REJECTED, TRANSFER_SYNTAXES_REJECTED = 0, 1, 3, 4
"""Results of a presentation context (PS3.8 table 9-18)."""
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
    if not proposal.protocol_version & 1:
        raise UnsupportedProtocolVersion(f"protocol version {proposal.protocol_version:#06x}")
    if proposal.application_context != APPLICATION_CONTEXT_NAME:
        raise UnsupportedApplicationContext(f"application context {proposal.application_context}")
    if 0 < (proposal.user.maximum_length or 0) <= PDV_HEADER.size:
        raise NoReason(f"no message fits into PDUs of {proposal.user.maximum_length} bytes")


def negotiate(proposal: Proposal, permissions: frozenset[Permission], rules: Rules) -> Agreement:
    """Accept what of the proposal is supported and permitted.

    Of a context's transfer syntaxes the first supported one is accepted: peers that have a
    preference list it first, and since datasets are kept as they come, any is as good to us.
    Raises `UnknownCallingAet` when permissions alone leave nothing of what is supported.
    """
    results, roles = _negotiate_contexts(proposal, rules)
    supported = [context for context in results if context.result == ACCEPTED]
    for context in supported:
        if _permission(str(context.abstract_syntax)) not in permissions:
            context.result = USER_REJECTION
    accepted = {
        context.context_id: Context(
            context.context_id, str(context.abstract_syntax), str(context.transfer_syntax[0])
        )
        for context in supported
        if context.result == ACCEPTED and context.context_id is not None
    }
    if supported and not accepted:
        raise UnknownCallingAet(
            f"{proposal.calling_aet} is not a modality that may do what it proposes"
        )
    return Agreement(
        contexts=accepted,
        peer_maximum_length=proposal.user.maximum_length or 0,
        reply=_reply(proposal, results, roles, rules),
    )


def _permission(abstract_syntax: str) -> Permission:
    return Permission.ECHO if abstract_syntax == VERIFICATION else Permission.STORE


def _negotiate_contexts(
    proposal: Proposal, rules: Rules
) -> tuple[list[PresentationContext], list[SCP_SCU_RoleSelectionNegotiation]]:
    proposed, unreadable = [], []
    supported: dict[str, PresentationContext] = {}
    for one in proposal.contexts:
        if not one.abstract_syntax or not one.transfer_syntaxes:
            unreadable.append(_unreadable(one))
            continue
        accepted = ANY if one.abstract_syntax == VERIFICATION else rules.transfer_syntaxes
        chosen = next((uid for uid in one.transfer_syntaxes if uid in accepted), None)
        proposed.append(_requested(one, chosen or one.transfer_syntaxes[0]))
        if one.abstract_syntax == VERIFICATION or is_storage(
            one.abstract_syntax, rules.accept_unknown_sop_classes
        ):
            ours = supported.setdefault(one.abstract_syntax, _supporting(one.abstract_syntax))
            if chosen is not None:
                ours.add_transfer_syntax(chosen)
    roles: dict[UID, tuple[bool | None, bool | None]] = {
        uid: (bool(item.scu_role), bool(item.scp_role))
        for uid, item in proposal.user.role_selection.items()
    }
    results, answered_roles = negotiate_as_acceptor(proposed, list(supported.values()), roles)
    return [*results, *unreadable], answered_roles


def _requested(proposed: ProposedContext, transfer_syntax: str) -> PresentationContext:
    context = PresentationContext()
    context.context_id = proposed.context_id
    context.abstract_syntax = UID(proposed.abstract_syntax)
    context.transfer_syntax = [UID(transfer_syntax)]
    return context


def _unreadable(proposed: ProposedContext) -> PresentationContext:
    context = _requested(replace(proposed, abstract_syntax=VERIFICATION), ImplicitVRLittleEndian)
    context.result = (
        TRANSFER_SYNTAXES_REJECTED if proposed.abstract_syntax else ABSTRACT_SYNTAX_REJECTED
    )
    return context


def _supporting(abstract_syntax: str) -> PresentationContext:
    context = PresentationContext()
    context.abstract_syntax = UID(abstract_syntax)
    context.scu_role = True  # the requestor may be SCU, and nothing else (PS3.7 D.3.3.4)
    context.scp_role = False
    return context


def _reply(
    proposal: Proposal,
    contexts: list[PresentationContext],
    roles: list[SCP_SCU_RoleSelectionNegotiation],
    rules: Rules,
) -> bytes:
    application_context = ApplicationContextItem()
    application_context.application_context_name = UID(APPLICATION_CONTEXT_NAME)
    pdu = A_ASSOCIATE_AC()
    pdu.variable_items = [application_context]
    for context in contexts:
        item = PresentationContextItemAC()
        item.from_primitive(context)
        pdu.variable_items.append(item)
    pdu.variable_items.append(_user_information(proposal.user, roles, rules))
    encoded = pdu.encode()
    return encoded[:10] + proposal.echoed + encoded[74:]


def _user_information(
    proposed: UserInformationItem, roles: list[SCP_SCU_RoleSelectionNegotiation], rules: Rules
) -> UserInformationItem:
    """Our part of the user information. Extended negotiation needs no answer (PS3.7 D.3.3.5)."""
    maximum_length = MaximumLengthNotification()
    maximum_length.maximum_length_received = rules.maximum_pdu_length
    class_uid = ImplementationClassUIDNotification()
    class_uid.implementation_class_uid = UID(IMPLEMENTATION_CLASS_UID)
    version_name = ImplementationVersionNameNotification()
    version_name.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    answer = UserInformationItem()
    answer.from_primitive([maximum_length, class_uid, version_name, *roles])
    if proposed.async_ops_window is not None:
        answer.user_data.append(AsynchronousOperationsWindowNegotiation().from_primitive())
    identity = proposed.user_identity
    # A positive answer to another type would say that a password or ticket has been verified.
    if (
        isinstance(identity, UserIdentitySubItemRQ)
        and identity.id_type == USERNAME
        and identity.response_requested
    ):
        acknowledged = UserIdentitySubItemAC()
        acknowledged.server_response = b""
        answer.user_data.append(acknowledged)
    return answer
