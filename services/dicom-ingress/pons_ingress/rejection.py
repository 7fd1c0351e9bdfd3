# SPDX-License-Identifier: Apache-2.0
"""Why an association is rejected, in the words of A-ASSOCIATE-RJ (PS3.8 table 9-21)."""

from pons_ingress.pdu import ASSOCIATE_RJ, PDU_HEADER

PERMANENT, TRANSIENT = 1, 2
USER, ACSE, PRESENTATION = 1, 2, 3


class Rejection(Exception):
    """The association is not accepted; the subclass says what the peer is told."""

    result = PERMANENT
    source = USER
    reason = 1

    def encode(self) -> bytes:
        """The A-ASSOCIATE-RJ."""
        return PDU_HEADER.pack(ASSOCIATE_RJ, 4) + bytes((0, self.result, self.source, self.reason))


class UnsupportedApplicationContext(Rejection):
    reason = 2


class UnknownCallingAet(Rejection):
    reason = 3


class UnknownCalledAet(Rejection):
    reason = 7


class NoReason(Rejection):
    source = ACSE


class UnsupportedProtocolVersion(Rejection):
    source = ACSE
    reason = 2


class LocalLimitExceeded(Rejection):
    result = TRANSIENT
    source = PRESENTATION
    reason = 2
