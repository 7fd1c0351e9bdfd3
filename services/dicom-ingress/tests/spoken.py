# SPDX-License-Identifier: Apache-2.0
"""PDUs as they are on the wire."""

USER_ABORT = (7, b"\0\0\0\0")
RELEASE_RQ = b"\5\0\0\0\0\4\0\0\0\0"
RELEASE_RP = (6, bytes(4))


def bytes_of(size: int) -> bytes:
    return b"x" * size
