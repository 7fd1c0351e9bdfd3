# SPDX-License-Identifier: Apache-2.0
"""Protocol data units from a stream of bytes, however it is cut (PS3.8 9.3).

Nothing here does input or output. P-DATA is passed on in the pieces that arrived, so that no PDU is
ever gathered; the other PDUs are small and given whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, IntEnum
from struct import Struct
from typing import Protocol

ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)

TLS_RECORDS = (0x15, 0x16)
"""First bytes of those with which a side of TLS begins: alert and handshake (RFC 8446 5.1)."""

PDU_HEADER = Struct(">BxI")
PDV_HEADER = Struct(">IBB")
SMALLEST_LENGTH = PDV_HEADER.size + 2
"""Of a P-DATA PDU that holds something."""

COMMAND, LAST = 0b01, 0b10
"""Bits of a PDV's message control header (PS3.8 E.2)."""

RELEASE_REQUEST = PDU_HEADER.pack(RELEASE_RQ, 4) + bytes(4)
RELEASE_REPLY = PDU_HEADER.pack(RELEASE_RP, 4) + bytes(4)

UNLIMITED_FRAGMENT = 128 * 1024
"""Bytes of a fragment for a peer that takes PDUs of any length."""

FOUR = range(4, 5)
ASSOCIATE = range(68, 256 * 1024 + 1)
"""The fixed fields, with room for 128 presentation contexts with every transfer syntax there is."""


class Phase(Enum):
    """Where an association is, as seen from one of its sides."""

    REQUEST = "an acceptor waits for the request"
    ANSWER = "a requestor waits for the answer"
    ESTABLISHED = "messages go to and fro"
    RELEASING = "this side has asked for a release"


EXPECTED = {
    Phase.REQUEST: {ASSOCIATE_RQ: ASSOCIATE, ABORT: FOUR},
    Phase.ANSWER: {ASSOCIATE_AC: ASSOCIATE, ASSOCIATE_RJ: FOUR, ABORT: FOUR},
    Phase.ESTABLISHED: {RELEASE_RQ: FOUR, ABORT: FOUR},
    Phase.RELEASING: {RELEASE_RQ: FOUR, RELEASE_RP: FOUR, ABORT: FOUR},
}
"""The PDUs that may come in each phase, P-DATA aside, and their lengths."""


class AbortSource(IntEnum):
    """Who ends an association (PS3.8 table 9-26)."""

    USER = 0
    PROVIDER = 2


class AbortReason(IntEnum):
    """Why the provider ends an association (PS3.8 table 9-26)."""

    NOT_SPECIFIED = 0
    UNRECOGNIZED_PDU = 1
    UNEXPECTED_PDU = 2
    UNRECOGNIZED_PARAMETER = 4
    UNEXPECTED_PARAMETER = 5
    INVALID_PARAMETER = 6


ABORT_SOURCES = {0: "DUL service-user", 2: "DUL service-provider"}
ABORT_REASONS = {
    0: "No reason given",
    1: "Unrecognised PDU",
    2: "Unexpected PDU",
    4: "Unrecognised PDU parameter",
    5: "Unexpected PDU parameter",
    6: "Invalid PDU parameter value",
}


class ProtocolError(Exception):
    """The peer broke the protocol; the association ends with an A-ABORT that says this."""

    def __init__(
        self, why: str, reason: AbortReason, source: AbortSource = AbortSource.PROVIDER
    ) -> None:
        super().__init__(why)
        self.reason = reason
        self.source = source


class SpeaksTls(ProtocolError):
    """The peer began with TLS, or answered so, where plain DICOM was expected."""

    def __init__(self) -> None:
        why = "TLS, where plain DICOM is spoken"
        super().__init__(why, AbortReason.NOT_SPECIFIED, AbortSource.USER)


@dataclass(frozen=True, slots=True)
class Pdu:
    """Any PDU but P-DATA."""

    kind: int
    content: bytes
    """The bytes with the header."""


class Fragments(Protocol):
    """Who takes the content of P-DATA; a class of `messages`."""

    def begin(self, context_id: int, control: int) -> None: ...
    def add(self, piece: memoryview) -> object | None: ...
    def end(self) -> object | None: ...


class PduReader:
    """Cuts bytes into PDUs and, inside P-DATA, into presentation data values.

    Any method of `fragments` may give an event; it is passed on as soon as it is there.
    """

    def __init__(self, fragments: Fragments, maximum_length: int, phase: Phase) -> None:
        self.expect(phase)
        self.whole_pdus = 0
        """PDUs that have arrived completely."""
        self._fragments = fragments
        self._maximum_length = maximum_length
        self._pdu_left = 0
        self._pdv_left = 0

    def expect(self, phase: Phase) -> None:
        """Take what may come in `phase` from now on."""
        self._phase = phase
        self.established = phase in (Phase.ESTABLISHED, Phase.RELEASING)

    @property
    def inside_pdu(self) -> bool:
        """Whether a P-DATA has begun and not ended."""
        return bool(self._pdu_left)

    def read(self, data: memoryview) -> tuple[int, object | None]:
        """Read until something is complete; give how many bytes were used, and that something.

        Bytes that were not used come again, in front of those that follow them.
        Raises `ProtocolError`.
        """
        position, end = 0, len(data)
        while True:
            event: object | None = None
            if self._pdv_left:
                piece = data[position : position + self._pdv_left]
                if not piece:
                    return position, None
                position += len(piece)
                event = self._take(piece)
            elif self._pdu_left:
                if end - position < PDV_HEADER.size <= self._pdu_left:
                    return position, None
                event = self._begin_pdv(data, position)
                position += PDV_HEADER.size
            elif end - position < PDU_HEADER.size:
                return position, None
            else:
                pdu_type, length = PDU_HEADER.unpack_from(data, position)
                if pdu_type != P_DATA or not self.established:
                    return self._read_control(data, position, pdu_type, length)
                self._begin_data(length)
                position += PDU_HEADER.size
            if event is not None:
                return position, event

    def _begin_data(self, length: int) -> None:
        if not 0 < length <= self._maximum_length:
            raise ProtocolError(
                f"P-DATA of {length} bytes, where 1 to {self._maximum_length} are allowed",
                AbortReason.INVALID_PARAMETER,
            )
        self._pdu_left = length

    def _begin_pdv(self, data: memoryview, position: int) -> object | None:
        if self._pdu_left < PDV_HEADER.size:
            raise ProtocolError("P-DATA ends inside a PDV header", AbortReason.INVALID_PARAMETER)
        length, context_id, control = PDV_HEADER.unpack_from(data, position)
        if not 2 <= length <= self._pdu_left - 4:
            raise ProtocolError(
                f"PDV length {length} where {self._pdu_left - 4} bytes of P-DATA are left",
                AbortReason.INVALID_PARAMETER,
            )
        self._pdu_left -= PDV_HEADER.size
        self._pdv_left = length - 2
        self._fragments.begin(context_id, control)
        return None if self._pdv_left else self._end_pdv()

    def _take(self, piece: memoryview) -> object | None:
        self._pdv_left -= len(piece)
        self._pdu_left -= len(piece)
        event = self._fragments.add(piece)
        return event if self._pdv_left else self._end_pdv() or event

    def _end_pdv(self) -> object | None:
        if not self._pdu_left:
            self.whole_pdus += 1
        return self._fragments.end()

    def _read_control(
        self, data: memoryview, position: int, pdu_type: int, length: int
    ) -> tuple[int, object | None]:
        self._check_control(pdu_type, length)
        end = position + PDU_HEADER.size + length
        if len(data) < end:
            return position, None
        self.whole_pdus += 1
        return end, Pdu(pdu_type, bytes(data[position:end]))

    def _check_control(self, pdu_type: int, length: int) -> None:
        expected = EXPECTED[self._phase].get(pdu_type)
        if expected is not None and length in expected:
            return
        if not self.established and pdu_type in TLS_RECORDS:
            raise SpeaksTls
        if not self.established:
            # PS3.8 table 9-10: before there is an association, it is the user who aborts (AA-1)
            why = f"a PDU of type 0x{pdu_type:02X} and length {length}"
            raise ProtocolError(why, AbortReason.NOT_SPECIFIED, AbortSource.USER)
        if expected is not None:
            why, reason = f"of length {length}", AbortReason.INVALID_PARAMETER
        else:
            known = ASSOCIATE_RQ <= pdu_type <= ABORT
            why = "on an established association"
            reason = AbortReason.UNEXPECTED_PDU if known else AbortReason.UNRECOGNIZED_PDU
        raise ProtocolError(f"a PDU of type 0x{pdu_type:02X} {why}", reason)


def encode_abort(source: AbortSource, reason: AbortReason) -> bytes:
    """An A-ABORT (PS3.8 9.3.8)."""
    return PDU_HEADER.pack(ABORT, 4) + bytes((0, 0, source, reason))


USER_ABORT = encode_abort(AbortSource.USER, AbortReason.NOT_SPECIFIED)


def decode_abort(pdu: bytes) -> str:
    """Who aborted, and why, in words."""
    source, reason = pdu[8:10]
    words = ABORT_SOURCES.get(source, f"source {source}")
    if source != AbortSource.PROVIDER:
        return words
    return f"{words}: {ABORT_REASONS.get(reason, f'reason {reason}')}"


def encode_data(
    context_id: int,
    kind: int,
    content: bytes | memoryview,
    maximum_length: int,
    *,
    last: bool = True,
) -> Iterator[bytes | memoryview]:
    """`content` as P-DATA PDUs that the peer takes, in pieces to be written one after the other.

    `kind` is `COMMAND` or 0 for a dataset; `last` says that nothing of it follows.
    A `maximum_length` of 0 means any length. Fragments are of even length (PS3.8 E.2), but for the
    last one of odd `content`.
    """
    room = (maximum_length - PDV_HEADER.size) & ~1 if maximum_length else UNLIMITED_FRAGMENT
    view = memoryview(content)
    for start in range(0, max(len(view), 1), room):
        fragment = view[start : start + room]
        ends = last and start + room >= len(view)
        yield PDU_HEADER.pack(P_DATA, len(fragment) + PDV_HEADER.size)
        yield PDV_HEADER.pack(len(fragment) + 2, context_id, kind | (LAST if ends else 0))
        yield fragment
