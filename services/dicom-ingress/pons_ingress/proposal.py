# SPDX-License-Identifier: Apache-2.0
"""What a peer proposes in its A-ASSOCIATE-RQ (PS3.8 9.3.2, PS3.7 annex D)."""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct, error

from pynetdicom.pdu_items import UserInformationItem

from pons_ingress.pdu import AbortReason, AbortSource, ProtocolError

APPLICATION_CONTEXT, PRESENTATION_CONTEXT, USER_INFORMATION = 0x10, 0x20, 0x50
ABSTRACT_SYNTAX, TRANSFER_SYNTAX = 0x30, 0x40
USER_ITEMS = range(0x51, 0x59)
"""Sub-items of the user information that a requestor may send."""

MAX_CONTEXTS = 128
MAX_TRANSFER_SYNTAXES = 128
"""Transfer syntaxes of one presentation context; there are some sixty."""
MAX_USER_ITEMS = 3 * MAX_CONTEXTS + 6
"""A role and two extended negotiations for each context, and what there is once."""
UID = re.compile(r"(?=.{1,64}$)(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*")
ITEM = Struct(">BxH")


@dataclass(frozen=True, slots=True)
class ProposedContext:
    """A presentation context, its transfer syntaxes in the requestor's order.

    Names that are no UIDs are left out: no abstract syntax is empty text.
    """

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """An A-ASSOCIATE-RQ."""

    protocol_version: int
    called_aet: str
    calling_aet: str
    echoed: bytes
    """The bytes from the AE titles to the items, which the answer repeats."""
    application_context: str
    contexts: tuple[ProposedContext, ...]
    user: UserInformationItem


def decode_proposal(pdu: bytes) -> Proposal:
    """The proposal in an A-ASSOCIATE-RQ. Raises `ProtocolError` for a malformed one.

    Items of unknown types are skipped, as PS3.8 9.3.1 asks.
    """
    application_context: str | None = None
    user: UserInformationItem | None = None
    contexts: dict[int, ProposedContext] = {}
    for kind, content in _items(pdu[74:]):
        if kind == APPLICATION_CONTEXT and application_context is None:
            application_context = _text(content)
        elif kind == USER_INFORMATION and user is None:
            user = _user_information(content)
        elif kind == PRESENTATION_CONTEXT and len(contexts) < MAX_CONTEXTS:
            context = _context(content)
            if contexts.setdefault(context.context_id, context) is not context:
                raise malformed(f"presentation context {context.context_id} is there twice")
        elif kind in (APPLICATION_CONTEXT, PRESENTATION_CONTEXT, USER_INFORMATION):
            raise malformed(f"too many items of type 0x{kind:02X}")
    if application_context is None or user is None or not contexts:
        raise malformed("an item is missing")
    return Proposal(
        protocol_version=int.from_bytes(pdu[6:8], "big"),
        called_aet=_aet(pdu[10:26]),
        calling_aet=_aet(pdu[26:42]),
        echoed=pdu[10:74],
        application_context=application_context,
        contexts=tuple(contexts.values()),
        user=user,
    )


def malformed(why: str) -> ProtocolError:
    """What ends an association whose proposal cannot be read (PS3.8 9.2, action AA-1)."""
    return ProtocolError(f"A-ASSOCIATE-RQ: {why}", AbortReason.NOT_SPECIFIED, AbortSource.USER)


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and content of the items in `data`."""
    position = 0
    while position < len(data):
        try:
            kind, length = ITEM.unpack_from(data, position)
        except error:
            raise malformed("it ends inside an item") from None
        position += ITEM.size
        if length > len(data) - position:
            raise malformed(f"item 0x{kind:02X} is longer than what contains it")
        yield kind, data[position : position + length]
        position += length


def _context(content: bytes) -> ProposedContext:
    if len(content) < 4 or content[0] % 2 == 0:
        raise malformed("a presentation context without an odd number")
    abstract_syntaxes, transfer_syntaxes = [], []
    for kind, name in _items(content[4:]):
        if kind == ABSTRACT_SYNTAX:
            abstract_syntaxes.append(_text(name))
        elif kind == TRANSFER_SYNTAX:
            transfer_syntaxes.append(_text(name))
    if len(abstract_syntaxes) != 1 or not 1 <= len(transfer_syntaxes) <= MAX_TRANSFER_SYNTAXES:
        raise malformed("a presentation context with too few or too many syntaxes")
    return ProposedContext(
        content[0],
        abstract_syntaxes[0] if UID.fullmatch(abstract_syntaxes[0]) else "",
        tuple(uid for uid in transfer_syntaxes if UID.fullmatch(uid)),
    )


def _user_information(content: bytes) -> UserInformationItem:
    known = [
        ITEM.pack(kind, len(part)) + part for kind, part in _items(content) if kind in USER_ITEMS
    ]
    if len(known) > MAX_USER_ITEMS:
        raise malformed(f"{len(known)} parts in the user information")
    item = UserInformationItem()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom warns of UIDs that nobody here looks at
            item.decode(ITEM.pack(USER_INFORMATION, len(content)) + b"".join(known))
    except Exception as problem:  # pynetdicom raises whatever a malformed sub-item makes it
        raise malformed("the user information cannot be read") from problem
    return item


def _text(content: bytes) -> str:
    return content.decode("ascii", "replace").strip("\0 ")


def _aet(content: bytes) -> str:
    text = content.decode("ascii", "replace").strip("\0 ")
    return "".join(c if " " <= c <= "~" and c != "\\" else "?" for c in text)
