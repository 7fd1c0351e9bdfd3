# SPDX-License-Identifier: Apache-2.0
"""Command sets: what one side asks and the other answers (PS3.7 6.3, 9.3, annex E)."""

from collections.abc import Mapping
from dataclasses import dataclass
from struct import Struct, error

from pons.dicom.network.pdu import AbortReason, AbortSource, ProtocolError

C_STORE_RQ = 0x0001
C_ECHO_RQ = 0x0030
C_CANCEL_RQ = 0x0FFF
VERIFICATION = "1.2.840.10008.1.1"
"""The SOP class of C-ECHO (PS3.4 A)."""
RESPONSE = 0x8000
WITH_DATASET, NO_DATASET = 0x0001, 0x0101

AFFECTED_SOP_CLASS_UID = 0x0002
COMMAND_FIELD = 0x0100
MESSAGE_ID = 0x0110
MESSAGE_ID_RESPONDED_TO = 0x0120
PRIORITY = 0x0700
COMMAND_DATASET_TYPE = 0x0800
STATUS = 0x0900
ERROR_COMMENT = 0x0902
AFFECTED_SOP_INSTANCE_UID = 0x1000
MOVE_ORIGINATOR_AET = 0x1030
MOVE_ORIGINATOR_MESSAGE_ID = 0x1031

ELEMENT = Struct("<HHI")
US = Struct("<H")


@dataclass(frozen=True, slots=True)
class Command:
    """A request (or what is none). UIDs are empty when the command set does not have them."""

    field: int
    message_id: int
    has_dataset: bool
    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class Response:
    """The status of a request, and why, for people."""

    status: int
    comment: str = ""
    answers: tuple[int, int] | None = None
    """Command field and message ID of the request, in a response that a peer sent."""


def decode_command(command_set: bytes | bytearray) -> Command:
    """The message in a command set. Raises `ProtocolError` when it makes no sense."""
    elements = _elements(command_set)
    field = _number(elements, COMMAND_FIELD)
    is_request = not field & RESPONSE and field != C_CANCEL_RQ
    return Command(
        field=field,
        message_id=_number(elements, MESSAGE_ID if is_request else MESSAGE_ID_RESPONDED_TO),
        has_dataset=_number(elements, COMMAND_DATASET_TYPE) != NO_DATASET,
        sop_class_uid=_text(elements, AFFECTED_SOP_CLASS_UID),
        sop_instance_uid=_text(elements, AFFECTED_SOP_INSTANCE_UID),
    )


def decode_response(command_set: bytes | bytearray) -> Response:
    """The answer in a command set. Raises `ProtocolError` when it makes no sense."""
    elements = _elements(command_set)
    field = _number(elements, COMMAND_FIELD)
    return Response(
        status=_number(elements, STATUS),
        comment=elements.get(ERROR_COMMENT, b"").decode("latin-1").strip(" \0"),
        answers=(field ^ RESPONSE, _number(elements, MESSAGE_ID_RESPONDED_TO)),
    )


def encode_response(request: Command, response: Response) -> bytes:
    """The command set that answers `request` without a dataset."""
    return encode_command(
        {
            AFFECTED_SOP_CLASS_UID: request.sop_class_uid,
            COMMAND_FIELD: request.field | RESPONSE,
            MESSAGE_ID_RESPONDED_TO: request.message_id,
            COMMAND_DATASET_TYPE: NO_DATASET,
            STATUS: response.status,
            ERROR_COMMENT: response.comment,
            AFFECTED_SOP_INSTANCE_UID: request.sop_instance_uid,
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


TEXTS = {ERROR_COMMENT: _comment, MOVE_ORIGINATOR_AET: _aet}
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


def _number(elements: dict[int, bytes], number: int) -> int:
    value = elements.get(number, b"")
    if len(value) != US.size:
        raise _malformed(f"(0000,{number:04X}) is not one 16-bit number in the command set")
    return int.from_bytes(value, "little")


def _text(elements: dict[int, bytes], number: int) -> str:
    """A UID; whatever follows a NUL is padding."""
    return elements.get(number, b"").partition(b"\0")[0].decode("ascii", "replace").strip(" ")


def _malformed(why: str) -> ProtocolError:
    return ProtocolError(why, AbortReason.NOT_SPECIFIED, AbortSource.USER)
