# SPDX-License-Identifier: Apache-2.0
"""Bytes of the upper layer and of command sets, for the side that asks (PS3.8 9.3, PS3.7 6.3).

Negotiation uses pynetdicom's classes; what moves with each instance is packed here.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydicom.uid import UID
from pynetdicom._globals import APPLICATION_CONTEXT_NAME
from pynetdicom.pdu import A_ABORT_RQ, A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import AddressInformation

from pons import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

ASSOCIATE_AC, ASSOCIATE_RJ, DATA, RELEASE_RQ, RELEASE_RP, ABORT = 2, 3, 4, 5, 6, 7
PDU_HEADER = struct.Struct(">BxI")
PDV_HEADER = struct.Struct(">IBB")
RELEASE_REQUEST = PDU_HEADER.pack(RELEASE_RQ, 4) + bytes(4)
RELEASE_REPLY = PDU_HEADER.pack(RELEASE_RP, 4) + bytes(4)
ABORT_REQUEST = PDU_HEADER.pack(ABORT, 4) + bytes(4)
"""Source 0: we, the service user, end it."""

COMMAND, LAST = 0b01, 0b10
"""Bits of a PDV's message control header (PS3.8 E.2)."""

C_STORE_RQ, C_ECHO_RQ = 0x0001, 0x0030
RESPONSE = 0x8000
NO_DATASET, WITH_DATASET = 0x0101, 0x0001

SOP_CLASS_UID = 0x0002
COMMAND_FIELD = 0x0100
MESSAGE_ID = 0x0110
MESSAGE_ID_RESPONDED_TO = 0x0120
PRIORITY = 0x0700
DATASET_TYPE = 0x0800
STATUS = 0x0900
ERROR_COMMENT = 0x0902
SOP_INSTANCE_UID = 0x1000
MOVE_ORIGINATOR_AET = 0x1030
MOVE_ORIGINATOR_MESSAGE_ID = 0x1031

ELEMENT = struct.Struct("<HHI")
UNLIMITED_FRAGMENT = 128 * 1024
"""Bytes of a fragment for a peer that takes PDUs of any length."""

Proposal = tuple[str, str]
"""A SOP class and the one transfer syntax that a presentation context offers for it."""


class Malformed(Exception):
    """The peer's bytes make no sense; the association cannot go on."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a peer agreed to."""

    contexts: Mapping[Proposal, int]
    """Context identifiers of those that it accepted."""
    maximum_length: int
    """Largest P-DATA that it takes; 0 for any."""


@dataclass(frozen=True, slots=True)
class Response:
    """A peer's answer to a request."""

    field: int
    message_id: int
    status: int
    comment: str


def encode_associate(
    local_aet: str, remote_aet: str, proposals: Sequence[Proposal], maximum_length: int
) -> bytes:
    """The A-ASSOCIATE-RQ that proposes one presentation context for each of `proposals`."""
    length = MaximumLengthNotification()
    length.maximum_length_received = maximum_length
    class_uid = ImplementationClassUIDNotification()
    class_uid.implementation_class_uid = UID(IMPLEMENTATION_CLASS_UID)
    version = ImplementationVersionNameNotification()
    version.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    anywhere = AddressInformation("127.0.0.1", 1)  # wanted by the class, not part of the PDU
    request = A_ASSOCIATE()
    request.application_context_name = UID(APPLICATION_CONTEXT_NAME)
    request.calling_ae_title = local_aet
    request.called_ae_title = remote_aet
    request.calling_presentation_address = anywhere
    request.called_presentation_address = anywhere
    request.presentation_context_definition_list = [
        _context(number, proposal) for number, proposal in enumerate(proposals)
    ]
    request.user_information = [length, class_uid, version]
    pdu = A_ASSOCIATE_RQ()
    pdu.from_primitive(request)
    return bytes(pdu.encode())


def decode_accept(pdu: bytes, proposals: Sequence[Proposal]) -> Accepted:
    """What an A-ASSOCIATE-AC agrees to."""
    accept = A_ASSOCIATE_AC()
    accept.decode(pdu)
    answer = accept.to_primitive()
    contexts: dict[Proposal, int] = {}
    for context in answer.presentation_context_definition_results_list:
        context_id = int(context.context_id or 0)
        number = (context_id - 1) // 2
        if context.result == 0 and 0 <= number < len(proposals):
            contexts[proposals[number]] = context_id
    return Accepted(contexts, answer.maximum_length_received or 0)


def decode_reject(pdu: bytes) -> str:
    """Why an association was rejected, in words (PS3.8 table 9-21)."""
    reject = A_ASSOCIATE_RJ()
    reject.decode(pdu)
    try:
        return f"{reject.reason_str} ({reject.result_str}, {reject.source_str})"
    except ValueError:
        codes = f"result {reject.result}, source {reject.source}"
        return f"{codes}, reason {reject.reason_diagnostic}"


def decode_abort(pdu: bytes) -> str:
    """Who aborted and why, in words (PS3.8 table 9-26)."""
    abort = A_ABORT_RQ()
    abort.decode(pdu)
    if abort.source == 2:
        return f"{abort.source_str}: {abort.reason_str}"
    return str(abort.source_str)


def encode_command(elements: Mapping[int, int | str]) -> bytes:
    """A command set, implicit VR little endian; numbers are US, text is UI or AE by its element."""
    body = b"".join(
        ELEMENT.pack(0, number, len(value)) + value
        for number, value in ((n, _value(n, v)) for n, v in sorted(elements.items()))
    )
    return ELEMENT.pack(0, 0, 4) + struct.pack("<I", len(body)) + body


def decode_response(command: bytes) -> Response:
    """The answer in a command set. Raises `Malformed`."""
    elements: dict[int, bytes] = {}
    position = 0
    try:
        while position < len(command):
            _group, number, length = ELEMENT.unpack_from(command, position)
            position += ELEMENT.size
            elements[number] = command[position : position + length]
            position += length
        return Response(
            field=struct.unpack("<H", elements[COMMAND_FIELD])[0],
            message_id=struct.unpack("<H", elements[MESSAGE_ID_RESPONDED_TO])[0],
            status=struct.unpack("<H", elements[STATUS])[0],
            comment=elements.get(ERROR_COMMENT, b"").decode("latin-1").strip(" \0"),
        )
    except (struct.error, KeyError) as error:
        raise Malformed(f"its response cannot be read: {error!r}") from None


def data_pdus(
    context_id: int, kind: int, content: bytes | memoryview, maximum_length: int, last: bool
) -> Iterator[bytes | memoryview]:
    """`content` as P-DATA PDUs that the peer takes, in pieces to be written one after the other.

    `kind` is `COMMAND` or 0 for a dataset; `last` says that nothing of it follows.
    """
    room = maximum_length - PDV_HEADER.size if maximum_length else UNLIMITED_FRAGMENT
    view = memoryview(content)
    for start in range(0, max(len(view), 1), room):
        fragment = view[start : start + room]
        ends = last and start + room >= len(view)
        yield PDU_HEADER.pack(DATA, len(fragment) + PDV_HEADER.size)
        yield PDV_HEADER.pack(len(fragment) + 2, context_id, kind | (LAST if ends else 0))
        yield fragment


def fragments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Control header and content of each PDV in a P-DATA. Raises `Malformed`."""
    position = 0
    while position < len(data):
        if len(data) - position < PDV_HEADER.size:
            raise Malformed("its P-DATA ends inside a PDV header")
        length, _context_id, control = PDV_HEADER.unpack_from(data, position)
        end = position + 4 + length
        if length < 2 or end > len(data):
            raise Malformed(f"its P-DATA holds a PDV of length {length}")
        yield control, data[position + PDV_HEADER.size : end]
        position = end


def _context(number: int, proposal: Proposal) -> PresentationContext:
    context = PresentationContext()
    context.context_id = 2 * number + 1
    context.abstract_syntax = UID(proposal[0])
    context.transfer_syntax = [UID(proposal[1])]
    return context


def _value(number: int, value: int | str) -> bytes:
    if isinstance(value, int):
        return struct.pack("<H", value)
    text = value.encode("ascii", "replace")
    padding = b" " if number == MOVE_ORIGINATOR_AET else b"\0"
    return text + padding if len(text) % 2 else text
