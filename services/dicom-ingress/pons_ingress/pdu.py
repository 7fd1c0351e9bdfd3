# SPDX-License-Identifier: Apache-2.0
"""Protocol data units from a stream of bytes, however it is cut (PS3.8 9.3).

Nothing here does input or output. P-DATA is passed on in the pieces that arrived, so that no PDU is
ever gathered; the other PDUs are small and given whole.
"""

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Protocol

ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)

MAX_ASSOCIATE_RQ = 256 * 1024
"""Room for 128 presentation contexts with every transfer syntax there is."""
MIN_ASSOCIATE_RQ = 68
"""Length of the fixed fields."""

PDU_HEADER = Struct(">BxI")
PDV_HEADER = Struct(">IBB")

RELEASE_REPLY = PDU_HEADER.pack(RELEASE_RP, 4) + bytes(4)


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


class ProtocolError(Exception):
    """The peer broke the protocol; the association ends with an A-ABORT that says this."""

    def __init__(
        self, why: str, reason: AbortReason, source: AbortSource = AbortSource.PROVIDER
    ) -> None:
        super().__init__(why)
        self.reason = reason
        self.source = source


@dataclass(frozen=True, slots=True)
class AssociateRequest:
    """An A-ASSOCIATE-RQ with its header."""

    pdu: bytes


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """An A-RELEASE-RQ."""


@dataclass(frozen=True, slots=True)
class PeerAbort:
    """An A-ABORT that the peer sent."""

    source: int
    reason: int


class Fragments(Protocol):
    """Who takes the content of P-DATA; on associations that is `messages.MessageReader`."""

    def begin(self, context_id: int, control: int) -> None: ...
    def add(self, piece: memoryview) -> object | None: ...
    def end(self) -> object | None: ...


class PduReader:
    """Cuts bytes into PDUs and, inside P-DATA, into presentation data values.

    Any method of `fragments` may give an event; it is passed on as soon as it is there.
    """

    def __init__(self, fragments: Fragments, maximum_length: int) -> None:
        self.established = False
        """Set once the association is accepted: from then on P-DATA and A-RELEASE are expected."""
        self.whole_pdus = 0
        """PDUs that have arrived completely."""
        self._fragments = fragments
        self._maximum_length = maximum_length
        self._pdu_left = 0
        self._pdv_left = 0

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
        if pdu_type == ASSOCIATE_RQ:
            return end, AssociateRequest(bytes(data[position:end]))
        if pdu_type == RELEASE_RQ:
            return end, ReleaseRequest()
        return end, PeerAbort(data[end - 2], data[end - 1])

    def _check_control(self, pdu_type: int, length: int) -> None:
        if pdu_type == ABORT or (pdu_type == RELEASE_RQ and self.established):
            expected = length == 4
        elif pdu_type == ASSOCIATE_RQ and not self.established:
            expected = MIN_ASSOCIATE_RQ <= length <= MAX_ASSOCIATE_RQ
        elif self.established:
            known = ASSOCIATE_RQ <= pdu_type <= ABORT
            raise ProtocolError(
                f"PDU type 0x{pdu_type:02X} on an established association",
                AbortReason.UNEXPECTED_PDU if known else AbortReason.UNRECOGNIZED_PDU,
            )
        else:
            expected = False
        if not expected:
            why = f"PDU type 0x{pdu_type:02X} of length {length}"
            if self.established:
                raise ProtocolError(why, AbortReason.INVALID_PARAMETER)
            # PS3.8 table 9-10: before there is an association, it is the user who aborts (AA-1)
            raise ProtocolError(why, AbortReason.NOT_SPECIFIED, AbortSource.USER)


def encode_abort(source: AbortSource, reason: AbortReason) -> bytes:
    """An A-ABORT (PS3.8 9.3.8)."""
    return PDU_HEADER.pack(ABORT, 4) + bytes((0, 0, source, reason))


def encode_data(context_id: int, control: int, content: bytes, maximum_length: int) -> bytes:
    """`content` as P-DATA PDUs that the peer can take, 0 meaning that it can take any.

    `control` 1 is a command, 0 a dataset; the last fragment is marked as such.
    """
    room = maximum_length - PDV_HEADER.size if maximum_length else len(content)
    pieces = [content[start : start + room] for start in range(0, len(content), room)]
    pdus = []
    for number, piece in enumerate(pieces, 1):
        mark = control | (2 if number == len(pieces) else 0)
        header = PDV_HEADER.pack(len(piece) + 2, context_id, mark)
        pdus.append(PDU_HEADER.pack(P_DATA, len(header) + len(piece)) + header + piece)
    return b"".join(pdus)
