# SPDX-License-Identifier: Apache-2.0
"""Why an association is rejected, as numbers and in words (PS3.8 table 9-21)."""

from enum import Enum

from pons.dicom.network.pdu import ASSOCIATE_RJ, PDU_HEADER

PERMANENT, TRANSIENT = 1, 2
RESULTS = {PERMANENT: "Rejected (Permanent)", TRANSIENT: "Rejected (Transient)"}
SOURCES = {
    1: "DUL service-user",
    2: "DUL service-provider (ACSE related)",
    3: "DUL service-provider (presentation related)",
}


class Reason(Enum):
    """A reason: result, source, number and words."""

    def __init__(self, result: int, source: int, number: int, words: str) -> None:
        self.codes = bytes((result, source, number))
        self.words = words

    NO_REASON = 1, 1, 1, "No reason given"
    APPLICATION_CONTEXT = 1, 1, 2, "Application context name not supported"
    CALLING_AET = 1, 1, 3, "Calling AE title not recognised"
    CALLED_AET = 1, 1, 7, "Called AE title not recognised"
    NO_REASON_OF_PROVIDER = 1, 2, 1, "No reason given"
    PROTOCOL_VERSION = 1, 2, 2, "Protocol version not supported"
    CONGESTION = 2, 3, 1, "Temporary congestion"
    LOCAL_LIMIT = 2, 3, 2, "Local limit exceeded"


WORDS = {reason.codes[1:]: reason.words for reason in Reason}


class Rejection(Exception):
    """The association is not accepted; `reason` is what the peer is told."""

    def __init__(self, reason: Reason, why: str) -> None:
        super().__init__(why)
        self.reason = reason

    def encode(self) -> bytes:
        """The A-ASSOCIATE-RJ."""
        return PDU_HEADER.pack(ASSOCIATE_RJ, 4) + b"\0" + self.reason.codes


def decode_rejection(pdu: bytes) -> str:
    """What an A-ASSOCIATE-RJ says, in words; codes that the standard does not have as numbers."""
    result, source, number = pdu[7:10]
    words = WORDS.get(pdu[8:10])
    if words is None or result not in RESULTS:
        return f"result {result}, source {source}, reason {number}"
    return f"{words} ({RESULTS[result]}, {SOURCES[source]})"
