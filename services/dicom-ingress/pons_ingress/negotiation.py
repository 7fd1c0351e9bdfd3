# SPDX-License-Identifier: Apache-2.0
"""What is agreed with a peer about presentation contexts and the rest (PS3.8 7.1.1, PS3.7 D.3)."""

from collections.abc import Collection, Iterable, Iterator, Mapping
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
from pons.dicom.network.messages import Context
from pons.dicom.network.pdu import SMALLEST_LENGTH
from pons.dicom.network.rejection import Reason, Rejection
from pons.dicom.network.user_information import (
    USERNAME,
    ExtendedNegotiation,
    Role,
    UserInformation,
    our_information,
)
from pons.dicom.transfer_syntaxes import IMPLICIT_VR
from pons_ingress.service_classes import BY_SOP_CLASS, SERVICE_CLASSES, Permission
from pons_ingress.syntaxes import StorageClasses, is_storage

QUERY_RETRIEVE = frozenset().union(
    *(
        SERVICE_CLASSES[one].sop_classes
        for one in (Permission.FIND, Permission.MOVE, Permission.GET)
    )
)
MAX_OPTIONS = 5
"""Bytes of an extended negotiation for query/retrieve (PS3.4 C.5.1.1)."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What this side brings to a negotiation."""

    maximum_pdu_length: int
    storage: StorageClasses
    transfer_syntaxes: frozenset[str]
    """Those in which instances are received."""
    offered: frozenset[Permission]
    """What there is a service for."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """An accepted association."""

    contexts: Mapping[int, Context]
    permissions: frozenset[Permission]
    scp_of: frozenset[str]
    """SOP classes for which the peer takes the role of the SCP: it may be sent requests."""
    relational: frozenset[str]
    """Query/retrieve SOP classes with relational queries or retrieval (PS3.4 C.5)."""
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
    if 0 < (proposal.user.maximum_length or 0) < SMALLEST_LENGTH:
        what = f"no message fits into PDUs of {proposal.user.maximum_length} bytes"
        raise Rejection(Reason.NO_REASON_OF_PROVIDER, what)


def negotiate(
    proposal: Proposal,
    permissions: frozenset[Permission],
    rules: Rules,
    *,
    verified: bool = False,
) -> Agreement:
    """Accept what of the proposal is supported and permitted.

    Of a context's transfer syntaxes the first supported one is accepted: peers that have a
    preference list it first, and since datasets are kept as they come, any is as good to us.
    The requestor is SCU unless it selects roles. It may be SCP of storage where C-GET is served.
    `verified` says that the user identity was.
    Raises `Rejection` when permissions alone leave nothing of what is supported.
    """
    roles = {role.sop_class_uid: role for role in proposal.user.roles}
    results: list[ContextResult] = []
    accepted: dict[int, Context] = {}
    answered: dict[str, Role] = {}
    supported = False
    for proposed in proposal.contexts:
        context_id, sop_class_uid = proposed.context_id, proposed.abstract_syntax
        uses = _uses(sop_class_uid, roles.get(sop_class_uid), rules)
        transfer_syntax = _choose(proposed, uses, rules)
        result = _judge(uses, transfer_syntax)
        if result == ACCEPTED and transfer_syntax is not None:
            supported = True
            permitted = Uses(uses.as_scu & permissions, uses.as_scp & permissions)
            if permitted.as_scu or permitted.as_scp:
                accepted[context_id] = Context(context_id, sop_class_uid, transfer_syntax)
                answered[sop_class_uid] = Role(
                    sop_class_uid, scu=bool(permitted.as_scu), scp=bool(permitted.as_scp)
                )
            else:
                result = USER_REJECTION
        any_syntax = transfer_syntax or next(iter(proposed.transfer_syntaxes), IMPLICIT_VR)
        results.append(ContextResult(context_id, result, any_syntax))
    if supported and not accepted:
        raise Rejection(
            Reason.CALLING_AET,
            f"{proposal.calling_aet} is not a modality that may do what it proposes",
        )
    extended = tuple(_extended(proposal.user.extended, answered.keys()))
    user = _user_information(
        proposal.user,
        tuple(answered[uid] for uid in sorted(answered & roles.keys())),
        extended,
        rules,
        verified=verified,
    )
    return Agreement(
        contexts=accepted,
        permissions=permissions,
        scp_of=frozenset(uid for uid, role in answered.items() if role.scp),
        relational=frozenset(one.sop_class_uid for one in extended if one.information[:1] == b"\1"),
        peer_maximum_length=proposal.user.maximum_length or 0,
        reply=encode_acceptance(Acceptance(tuple(results), user), proposal.echoed),
    )


@dataclass(frozen=True, slots=True)
class Uses:
    """What a presentation context is good for to the requestor, by its role."""

    as_scu: frozenset[Permission] = frozenset()
    as_scp: frozenset[Permission] = frozenset()
    known: bool = True
    """Whether there is any service for the abstract syntax."""


def _uses(sop_class_uid: str, role: Role | None, rules: Rules) -> Uses:
    """What of a SOP class there is a service for; without role selection, whatever there is."""
    if is_storage(sop_class_uid, rules.storage.accept_unknown):
        role = role or Role(sop_class_uid, scu=True, scp=False)
        as_scu = frozenset({Permission.STORE} if rules.storage.has(sop_class_uid) else ())
        as_scp = frozenset({Permission.GET} if role.scp else ())
    else:
        kinds = frozenset(BY_SOP_CLASS.get(sop_class_uid, ()))
        as_scp = frozenset(one for one in kinds if SERVICE_CLASSES[one].of_scp)
        as_scu = kinds - as_scp
    as_scu, as_scp = as_scu & rules.offered, as_scp & rules.offered
    return Uses(
        as_scu if role is None or role.scu else frozenset(),
        as_scp if role is None or role.scp else frozenset(),
        known=bool(as_scu or as_scp),
    )


def _choose(proposed: ProposedContext, uses: Uses, rules: Rules) -> str | None:
    """The first transfer syntax that is accepted."""
    kinds = uses.as_scu | uses.as_scp
    if kinds & {Permission.STORE, Permission.GET} and not BY_SOP_CLASS.get(
        proposed.abstract_syntax
    ):
        accepted = rules.transfer_syntaxes
    else:
        accepted = frozenset().union(*(SERVICE_CLASSES[one].transfer_syntaxes for one in kinds))
    return next((uid for uid in proposed.transfer_syntaxes if uid in accepted), None)


def _judge(uses: Uses, transfer_syntax: str | None) -> int:
    """The result of a context, permissions aside."""
    if not uses.known:
        return ABSTRACT_SYNTAX_REJECTED
    if not (uses.as_scu or uses.as_scp):
        return USER_REJECTION
    return TRANSFER_SYNTAXES_REJECTED if transfer_syntax is None else ACCEPTED


def _extended(
    proposed: Iterable[ExtendedNegotiation], accepted: Collection[str]
) -> Iterator[ExtendedNegotiation]:
    """The answer for query/retrieve: relational if asked for, none of the other options."""
    for one in proposed:
        if (
            one.sop_class_uid in accepted
            and one.sop_class_uid in QUERY_RETRIEVE
            and one.information
        ):
            rest = bytes(min(len(one.information), MAX_OPTIONS) - 1)
            relational = one.information[:1] == b"\1"
            yield ExtendedNegotiation(one.sop_class_uid, bytes((relational,)) + rest)


def _user_information(
    proposed: UserInformation,
    roles: tuple[Role, ...],
    extended: tuple[ExtendedNegotiation, ...],
    rules: Rules,
    *,
    verified: bool,
) -> UserInformation:
    """Our part of the user information."""
    identity = proposed.identity
    # Else a positive answer would say that a password or ticket has been verified.
    acknowledged = (
        identity is not None
        and identity.response_requested
        and (verified or identity.kind == USERNAME)
    )
    return our_information(
        rules.maximum_pdu_length,
        operations_window=None if proposed.operations_window is None else (1, 1),
        roles=roles,
        extended=extended,
        identity_response=b"" if acknowledged else None,
    )
