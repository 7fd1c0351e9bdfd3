# SPDX-License-Identifier: Apache-2.0
"""The beginning of a DICOM file: preamble and file meta information (PS3.10 7.1)."""

from struct import Struct

from pons import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

PREAMBLE = bytes(128) + b"DICM"
SHORT = Struct("<HH2sH")
"""Header of an explicit VR element with a 16-bit length."""

VERSION = b"\x02\x00\x01\x00OB\x00\x00\x02\x00\x00\x00\x00\x01"


def file_start(sop_class_uid: str, sop_instance_uid: str, transfer_syntax: str) -> bytes:
    """Everything that comes before the dataset in a file.

    The optional Source Application Entity Title is left out, as Orthanc does: who sent an instance
    is the metadata `RemoteAET`, and a file that is handed on says nothing of where it came from.
    """
    meta = b"".join(
        (
            VERSION,
            _element(0x0002, b"UI", sop_class_uid),
            _element(0x0003, b"UI", sop_instance_uid),
            _element(0x0010, b"UI", transfer_syntax),
            _element(0x0012, b"UI", IMPLEMENTATION_CLASS_UID),
            _element(0x0013, b"SH", IMPLEMENTATION_VERSION_NAME),
        )
    )
    group_length = SHORT.pack(0x0002, 0x0000, b"UL", 4) + len(meta).to_bytes(4, "little")
    return PREAMBLE + group_length + meta


def _element(number: int, vr: bytes, text: str) -> bytes:
    value = text.encode("ascii", "replace")
    if len(value) % 2:
        value += b"\0" if vr == b"UI" else b" "
    return SHORT.pack(0x0002, number, vr, len(value)) + value
