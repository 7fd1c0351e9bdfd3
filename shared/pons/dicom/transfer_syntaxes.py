# SPDX-License-Identifier: Apache-2.0
"""The transfer syntaxes that have a standard UID (PS3.6 annex A), and patterns of them."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from pons.dicom.vocabulary import UIDS
from pons.errors import BadRequest

IMPLICIT_VR = "1.2.840.10008.1.2"
EXPLICIT_VR = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED_VR = "1.2.840.10008.1.2.1.99"
DEFLATED = frozenset((DEFLATED_VR, "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"))
"""Those that deflate the whole data set: plain, and JPIP's two (PS3.5 A.5, A.7)."""

DECODED = frozenset(
    (
        *("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"),  # JPEG baseline, extended
        *("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"),  # JPEG lossless
        *("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"),  # JPEG-LS
        *("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"),  # JPEG 2000
        *("1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203"),  # HTJ2K
        "1.2.840.10008.1.2.5",  # RLE
    )
)
"""Those whose compressed pixels the render service decodes."""

NEWER_THAN_PYDICOM = {
    "1.2.840.10008.1.2.4.110",  # JPEG XL Lossless
    "1.2.840.10008.1.2.4.111",  # JPEG XL JPEG Recompression
    "1.2.840.10008.1.2.4.112",  # JPEG XL
    "1.2.840.10008.1.2.8.1",  # Deflated Image Frame Compression
}

TRANSFER_SYNTAXES = frozenset(NEWER_THAN_PYDICOM).union(
    uid for uid, entry in UIDS.items() if entry[1] == "Transfer Syntax"
)
"""Every one of them: the store keeps datasets as they come."""

PATTERN = re.compile(r"[0-9.*?]{1,64}")
MAX_PATTERNS = 1000


def matching(patterns: Iterable[str]) -> list[str]:
    """The transfer syntaxes that one of the patterns names, sorted; `*` and `?` as in file names.

    Raises `BadRequest` for what is neither a pattern nor a transfer syntax.
    """
    patterns = list(patterns)
    if len(patterns) > MAX_PATTERNS:
        raise BadRequest(f"At most {MAX_PATTERNS} transfer syntaxes may be named")
    found: set[str] = set()
    for pattern in patterns:
        if not isinstance(pattern, str) or PATTERN.fullmatch(pattern) is None:
            raise BadRequest(f"Expected the UID of a transfer syntax or a pattern, got {pattern!r}")
        named = {uid for uid in TRANSFER_SYNTAXES if fnmatchcase(uid, pattern)}
        if not named and "*" not in pattern and "?" not in pattern:
            raise BadRequest(f"Unknown transfer syntax {pattern!r}")
        found |= named
    return sorted(found)
