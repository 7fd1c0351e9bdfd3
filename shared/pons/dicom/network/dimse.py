# SPDX-License-Identifier: Apache-2.0
"""Command sets: what one side asks and the other answers (PS3.7 6.3, 9.3, annex E)."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from struct import Struct, error

from pons.dicom.network.pdu import AbortReason, AbortSource, ProtocolError

C_STORE_RQ = 0x0001
C_GET_RQ = 0x0010
C_FIND_RQ = 0x0020
C_MOVE_RQ = 0x0021
C_ECHO_RQ = 0x0030
N_EVENT_REPORT_RQ = 0x0100
N_ACTION_RQ = 0x0130
C_CANCEL_RQ = 0x0FFF
VERIFICATION = "1.2.840.10008.1.1"
"""The SOP class of C-ECHO (PS3.4 A)."""
RESPONSE = 0x8000
WITH_DATASET, NO_DATASET = 0x0001, 0x0101
PENDING = frozenset({0xFF00, 0xFF01})
"""Statuses after which more responses follow (PS3.7 C.1)."""

AFFECTED_SOP_CLASS_UID = 0x0002
REQUESTED_SOP_CLASS_UID = 0x0003
COMMAND_FIELD = 0x0100
MESSAGE_ID = 0x0110
MESSAGE_ID_RESPONDED_TO = 0x0120
MOVE_DESTINATION = 0x0600
PRIORITY = 0x0700
COMMAND_DATASET_TYPE = 0x0800
STATUS = 0x0900
ERROR_COMMENT = 0x0902
AFFECTED_SOP_INSTANCE_UID = 0x1000
REQUESTED_SOP_INSTANCE_UID = 0x1001
EVENT_TYPE_ID = 0x1002
ACTION_TYPE_ID = 0x1008
REMAINING_SUBOPERATIONS = 0x1020
COMPLETED_SUBOPERATIONS = 0x1021
FAILED_SUBOPERATIONS = 0x1022
WARNING_SUBOPERATIONS = 0x1023
MOVE_ORIGINATOR_AET = 0x1030
MOVE_ORIGINATOR_MESSAGE_ID = 0x1031

ELEMENT = Struct("<HHI")
US = Struct("<H")


@dataclass(frozen=True, slots=True)
class Command:
    """What a peer sent. UIDs are empty when the command set does not have them.

    Those are of what is affected, in N-ACTION of what is requested.
    """

    field: int
    message_id: int
    """Of the request itself; in a response and C-CANCEL of the request that it is about."""
    has_dataset: bool
    sop_class_uid: str
    sop_instance_uid: str
    elements: Mapping[int, bytes] = dataclasses.field(
        default_factory=dict, repr=False, compare=False
    )

    def number(self, element: int) -> int:
        """The value of an element of VR US. Raises `ProtocolError` when there is none."""
        return _number(self.elements, element)

    def text(self, element: int) -> str:
        """The value of an element of text or a UID, empty when there is none."""
        return _text(self.elements, element)


@dataclass(frozen=True, slots=True)
class Response:
    """The status of a request, and why, for people."""

    status: int
    comment: str = ""
    elements: Mapping[int, int | str] = dataclasses.field(default_factory=dict)
    """What else the response says, such as the numbers of sub-operations."""
    answers: tuple[int, int] | None = None
    """Command field and message ID of the request, in a response that a peer sent."""


def decode_command(command_set: bytes | bytearray) -> Command:
    """The message in a command set. Raises `ProtocolError` when it makes no sense."""
    elements = _elements(command_set)
    kind = _number(elements, COMMAND_FIELD)
    is_request = not kind & RESPONSE and kind != C_CANCEL_RQ
    requested = kind == N_ACTION_RQ
    return Command(
        field=kind,
        message_id=_number(elements, MESSAGE_ID if is_request else MESSAGE_ID_RESPONDED_TO),
        has_dataset=_number(elements, COMMAND_DATASET_TYPE) != NO_DATASET,
        sop_class_uid=_text(
            elements, REQUESTED_SOP_CLASS_UID if requested else AFFECTED_SOP_CLASS_UID
        ),
        sop_instance_uid=_text(
            elements, REQUESTED_SOP_INSTANCE_UID if requested else AFFECTED_SOP_INSTANCE_UID
        ),
        elements=elements,
    )


def decode_response(command_set: bytes | bytearray) -> Response:
    """The answer in a command set. Raises `ProtocolError` when it makes no sense."""
    return _response(_elements(command_set))


def as_response(command: Command) -> Response:
    """The answer that a decoded command set is. Raises `ProtocolError` when it is none."""
    return _response(command.elements)


def _response(elements: Mapping[int, bytes]) -> Response:
    return Response(
        status=_number(elements, STATUS),
        comment=elements.get(ERROR_COMMENT, b"").decode("latin-1").strip(" \0"),
        answers=(
            _number(elements, COMMAND_FIELD) ^ RESPONSE,
            _number(elements, MESSAGE_ID_RESPONDED_TO),
        ),
    )


def encode_response(request: Command, response: Response, *, with_dataset: bool = False) -> bytes:
    """The command set that answers `request`."""
    return encode_command(
        {
            AFFECTED_SOP_CLASS_UID: request.sop_class_uid,
            COMMAND_FIELD: request.field | RESPONSE,
            MESSAGE_ID_RESPONDED_TO: request.message_id,
            COMMAND_DATASET_TYPE: WITH_DATASET if with_dataset else NO_DATASET,
            STATUS: response.status,
            ERROR_COMMENT: response.comment,
            AFFECTED_SOP_INSTANCE_UID: request.sop_instance_uid,
            **response.elements,
        }
    )


def encode_command(elements: Mapping[int, int | str]) -> bytes:
    """A command set, implicit VR little endian; numbers are US, text is UI unless `TEXTS` says
    otherwise. Empty text is left out."""
    content = b"".join(
        ELEMENT.pack(0, number, len(encoded)) + encoded
        for number, value in sorted(elements.items())
        if (encoded := _encoded(number, value))
    )
    return ELEMENT.pack(0, 0, 4) + len(content).to_bytes(4, "little") + content


def _encoded(number: int, value: int | str) -> bytes:
    return US.pack(value) if isinstance(value, int) else TEXTS.get(number, _uid)(value)


def _uid(uid: str) -> bytes:
    value = uid.encode("ascii", "replace")
    return value + b"\0" * (len(value) % 2)


def _aet(title: str) -> bytes:
    value = title.encode("ascii", "replace")
    return value + b" " * (len(value) % 2)


def _comment(text: str) -> bytes:
    """Text as LO: at most 64 characters of the default repertoire, no backslash, even length."""
    plain = "".join(c if " " <= c <= "~" and c != "\\" else "?" for c in text)
    shortened = plain if len(plain) <= 64 else plain[:61] + "..."
    return (shortened + " " * (len(shortened) % 2)).encode("ascii")


TEXTS = {ERROR_COMMENT: _comment, MOVE_DESTINATION: _aet, MOVE_ORIGINATOR_AET: _aet}
"""How elements are encoded that are neither numbers nor UIDs (PS3.7 E.1)."""


def _elements(command_set: bytes | bytearray) -> dict[int, bytes]:
    """Element number to value; implicit VR little endian, as all command sets are."""
    found: dict[int, bytes] = {}
    position, end = 0, len(command_set)
    while position < end:
        try:
            group, number, length = ELEMENT.unpack_from(command_set, position)
        except error:
            raise _malformed("The command set ends inside an element") from None
        position += ELEMENT.size
        if group != 0 or length > end - position:
            raise _malformed(f"({group:04X},{number:04X}) of length {length} in a command set")
        found[number] = bytes(command_set[position : position + length])
        position += length
    return found


def _number(elements: Mapping[int, bytes], number: int) -> int:
    value = elements.get(number, b"")
    if len(value) != US.size:
        raise _malformed(f"(0000,{number:04X}) is not one 16-bit number in the command set")
    return int.from_bytes(value, "little")


def _text(elements: Mapping[int, bytes], number: int) -> str:
    """A UID; whatever follows a NUL is padding."""
    return elements.get(number, b"").partition(b"\0")[0].decode("ascii", "replace").strip(" ")


def _malformed(why: str) -> ProtocolError:
    return ProtocolError(why, AbortReason.NOT_SPECIFIED, AbortSource.USER)
