# SPDX-License-Identifier: Apache-2.0
"""A-ASSOCIATE-RQ and A-ASSOCIATE-AC: what is proposed, and what of it is accepted (PS3.8 9.3)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pons.dicom.network.items import decode_items, encode_item, malformed
from pons.dicom.network.pdu import ASSOCIATE_AC, ASSOCIATE_RQ, PDU_HEADER
from pons.dicom.network.user_information import (
    UserInformation,
    decode_user_information,
    encode_user_information,
)
from pons.errors import BadRequest

PROTOCOL_VERSION = 1
APPLICATION_CONTEXT_NAME = "1.2.840.10008.3.1.1.1"

APPLICATION_CONTEXT, USER_INFORMATION = 0x10, 0x50
PROPOSED_CONTEXT, CONTEXT_RESULT = 0x20, 0x21
ABSTRACT_SYNTAX, TRANSFER_SYNTAX = 0x30, 0x40
FIRST_ITEM = 74
"""Where the items begin, behind the fixed fields."""

ACCEPTED, USER_REJECTION, ABSTRACT_SYNTAX_REJECTED, TRANSFER_SYNTAXES_REJECTED = 0, 1, 3, 4
"""Results of a presentation context (PS3.8 table 9-18)."""

MAX_CONTEXTS = 128
"""Identifiers of contexts are the odd numbers up to 255 (PS3.8 9.3.2.2)."""
MAX_TRANSFER_SYNTAXES = 128
"""Transfer syntaxes of one presentation context; there are some sixty."""
UID = re.compile(r"(?=.{1,64}$)(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*")


@dataclass(frozen=True, slots=True)
class ProposedContext:
    """A presentation context, its transfer syntaxes in the requestor's order.

    Names that are no UIDs are left out: no abstract syntax is empty text.
    """

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ContextResult:
    """What the acceptor says of a presentation context."""

    context_id: int
    result: int
    transfer_syntax: str
    """Not significant unless the context is accepted."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """An A-ASSOCIATE-RQ."""

    called_aet: str
    calling_aet: str
    contexts: tuple[ProposedContext, ...]
    user: UserInformation
    protocol_version: int = PROTOCOL_VERSION
    application_context: str = APPLICATION_CONTEXT_NAME
    echoed: bytes = b""
    """The bytes from the AE titles to the items, which the answer repeats."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """An A-ASSOCIATE-AC."""

    results: tuple[ContextResult, ...]
    user: UserInformation


def encode_proposal(proposal: Proposal) -> bytes:
    """The A-ASSOCIATE-RQ. Raises `BadRequest` for an AE title that does not fit into it."""
    titles = _encode_aet(proposal.called_aet) + _encode_aet(proposal.calling_aet)
    contexts = [
        _encode_context(
            PROPOSED_CONTEXT,
            bytes((context.context_id, 0, 0, 0)),
            [(ABSTRACT_SYNTAX, context.abstract_syntax)]
            + [(TRANSFER_SYNTAX, uid) for uid in context.transfer_syntaxes],
        )
        for context in proposal.contexts
    ]
    return _encode(ASSOCIATE_RQ, titles + bytes(32), contexts, proposal.user)


def encode_acceptance(acceptance: Acceptance, echoed: bytes) -> bytes:
    """The A-ASSOCIATE-AC that answers the proposal of which `echoed` comes."""
    contexts = [
        _encode_context(
            CONTEXT_RESULT,
            bytes((one.context_id, 0, one.result, 0)),
            [(TRANSFER_SYNTAX, one.transfer_syntax)],
        )
        for one in acceptance.results
    ]
    return _encode(ASSOCIATE_AC, echoed, contexts, acceptance.user)


def decode_titles(pdu: bytes) -> tuple[str, str]:
    """The calling and the called AE title of an A-ASSOCIATE-RQ, whatever follows them."""
    return _decode_aet(pdu[26:42]), _decode_aet(pdu[10:26])


def decode_proposal(pdu: bytes) -> Proposal:
    """The proposal in an A-ASSOCIATE-RQ. Raises `ProtocolError` for a malformed one.

    Items of unknown types are skipped, as PS3.8 9.3.1 asks.
    """
    application_context: str | None = None
    user: UserInformation | None = None
    contexts: dict[int, ProposedContext] = {}
    for kind, content in decode_items(pdu[FIRST_ITEM:]):
        if kind == APPLICATION_CONTEXT and application_context is None:
            application_context = _text(content)
        elif kind == USER_INFORMATION and user is None:
            user = decode_user_information(content)
        elif kind == PROPOSED_CONTEXT and len(contexts) < MAX_CONTEXTS:
            context = _decode_context(content)
            if contexts.setdefault(context.context_id, context) is not context:
                raise malformed(f"presentation context {context.context_id} is there twice")
        elif kind in (APPLICATION_CONTEXT, PROPOSED_CONTEXT, USER_INFORMATION):
            raise malformed(f"too many items of type 0x{kind:02X}")
    if application_context is None or user is None or not contexts:
        raise malformed("an item is missing")
    calling_aet, called_aet = decode_titles(pdu)
    return Proposal(
        called_aet=called_aet,
        calling_aet=calling_aet,
        contexts=tuple(contexts.values()),
        user=user,
        protocol_version=int.from_bytes(pdu[6:8], "big"),
        application_context=application_context,
        echoed=pdu[10:FIRST_ITEM],
    )


def decode_acceptance(pdu: bytes) -> Acceptance:
    """What an A-ASSOCIATE-AC agrees to. Raises `ProtocolError` for a malformed one."""
    results: list[ContextResult] = []
    user = UserInformation()
    for kind, content in decode_items(pdu[FIRST_ITEM:]):
        if kind == USER_INFORMATION:
            user = decode_user_information(content)
        elif kind == CONTEXT_RESULT:
            if len(content) < 4:
                raise malformed("a presentation context without a result")
            names = [_text(name) for _, name in decode_items(content[4:])]
            results.append(ContextResult(content[0], content[2], "".join(names[:1])))
    return Acceptance(tuple(results), user)


def _encode(kind: int, fixed: bytes, contexts: Iterable[bytes], user: UserInformation) -> bytes:
    content = b"".join(
        (
            PROTOCOL_VERSION.to_bytes(2, "big") + bytes(2),
            fixed,
            encode_item(APPLICATION_CONTEXT, APPLICATION_CONTEXT_NAME.encode()),
            *contexts,
            encode_item(USER_INFORMATION, encode_user_information(user)),
        )
    )
    return PDU_HEADER.pack(kind, len(content)) + content


def _encode_context(kind: int, head: bytes, names: Sequence[tuple[int, str]]) -> bytes:
    items = (encode_item(what, name.encode("ascii", "replace")) for what, name in names)
    return encode_item(kind, head + b"".join(items))


def _decode_context(content: bytes) -> ProposedContext:
    if len(content) < 4 or content[0] % 2 == 0:
        raise malformed("a presentation context without an odd number")
    names: dict[int, list[str]] = {ABSTRACT_SYNTAX: [], TRANSFER_SYNTAX: []}
    for kind, name in decode_items(content[4:]):
        if kind in names:
            names[kind].append(_text(name))
    abstract_syntaxes, transfer_syntaxes = names.values()
    if len(abstract_syntaxes) != 1 or not 1 <= len(transfer_syntaxes) <= MAX_TRANSFER_SYNTAXES:
        raise malformed("a presentation context with too few or too many syntaxes")
    return ProposedContext(
        content[0],
        abstract_syntaxes[0] if UID.fullmatch(abstract_syntaxes[0]) else "",
        tuple(uid for uid in transfer_syntaxes if UID.fullmatch(uid)),
    )


def _text(content: bytes) -> str:
    return content.decode("ascii", "replace").strip("\0 ")


def _encode_aet(title: str) -> bytes:
    if len(title) > 16:
        raise BadRequest(f"The AE title {title!r} has more than 16 characters")
    return title.encode("ascii", "replace").ljust(16)


def _decode_aet(content: bytes) -> str:
    return "".join(c if " " <= c <= "~" and c != "\\" else "?" for c in _text(content))
