# SPDX-License-Identifier: Apache-2.0
"""The beginning of DICOM files that we write: preamble and meta header (PS3.10 7.1)."""

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
    texts = (
        (0x00020002, "UI", sop_class_uid),
        (0x00020003, "UI", sop_instance_uid),
        (0x00020010, "UI", transfer_syntax),
        (0x00020012, "UI", IMPLEMENTATION_CLASS_UID),
        (0x00020013, "SH", IMPLEMENTATION_VERSION_NAME),
    )
    elements = (element(tag, vr, text.encode("ascii", "replace")) for tag, vr, text in texts)
    meta = VERSION + b"".join(elements)
    return PREAMBLE + element(0x00020000, "UL", len(meta).to_bytes(4, "little")) + meta


def element(tag: int, vr: str, value: bytes) -> bytes:
    """An element of a VR with a short length, explicit VR little endian (PS3.5 7.1.2)."""
    if len(value) % 2:
        value += b"\0" if vr == "UI" else b" "
    return SHORT.pack(tag >> 16, tag & 0xFFFF, vr.encode(), len(value)) + value
