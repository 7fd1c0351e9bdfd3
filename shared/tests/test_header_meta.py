# SPDX-License-Identifier: Apache-2.0
"""Where the meta header ends: what follows it is the data set, whatever group it says it is of."""

from __future__ import annotations

import struct

import pytest

from pons.errors import InvalidInstance
from pons.header.meta import MAX_META, find_meta_end, meta_end

PREFIX = bytes(128) + b"DICM"


def explicit(element: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", 2, element, vr, len(value)) + value


def implicit(element: int, value: bytes) -> bytes:
    return struct.pack("<HHI", 2, element, len(value)) + value


def group_length(length: int) -> bytes:
    return explicit(0, b"UL", struct.pack("<I", length))


VERSION = b"\x02\x00\x01\x00OB\0\0\x02\0\0\0\0\x01"
SYNTAX = explicit(0x10, b"UI", b"1.2.840.10008.1.2.1\0")
CLASS = explicit(0x12, b"UI", b"1.2.3.45")
META = VERSION + SYNTAX + CLASS
LENGTH = len(META)
OTHER = explicit(0x10, b"UI", b"1.2.840.10008.1.2.4.70")
OTHER_IMPLICIT = implicit(0x10, b"1.2.840.10008.1.2.4.70")
DATASET = b"\x08\x00\x16\x00UI\x04\x001.2\0"


@pytest.mark.parametrize(
    ("meta", "behind"),
    [
        (group_length(LENGTH) + META, DATASET),
        (META, DATASET),
        (group_length(LENGTH + 50) + META, DATASET),
        (group_length(2) + META, DATASET),
        (group_length(len(VERSION)) + META, DATASET),  # to the end of an element, but too short
        (group_length(LENGTH) + META, OTHER + DATASET),
        (group_length(LENGTH) + META, explicit(0x13, b"SH", b"PACS") + DATASET),
        (group_length(LENGTH) + META, group_length(LENGTH) + META + DATASET),
        (META, OTHER + DATASET),
        (group_length(2) + META, group_length(2) + META + DATASET),
        (group_length(LENGTH) + META, OTHER_IMPLICIT + b"\x08\x00\x16\x00\x04\0\0\x001.2\0"),
        (META, implicit(0, b"\x1e\0\0\0") + OTHER_IMPLICIT),
        (META, b""),
        (META, b"\xed\x5c"),  # deflated
        (implicit(0x10, b"1.2.840.10008.1.2\0"), b"\x08\x00\x16\x00\x04\0\0\x001.2\0"),
        (b"", DATASET),
    ],
)
@pytest.mark.parametrize("prefix", [PREFIX, b""])
def test_the_first_group_ends_before_the_data_set(
    prefix: bytes, meta: bytes, behind: bytes
) -> None:
    file = prefix + meta + behind
    assert meta_end(file) == meta_end(memoryview(file)) == len(prefix + meta)


def test_a_beginning_says_when_it_is_too_short() -> None:
    file = PREFIX + group_length(LENGTH) + META + DATASET
    end = len(file) - len(DATASET)
    told = [find_meta_end(file[:length]) for length in range(len(file) + 1)]
    assert told[: end + 2] == [None] * (end + 2)
    assert told[end + 2 :] == [end] * (len(DATASET) - 1)


@pytest.mark.parametrize(
    "file",
    [
        PREFIX + VERSION + SYNTAX[:-1],
        PREFIX + VERSION[:-1],
        PREFIX + explicit(0x10, b"UI", b"1.2")[:6],
        PREFIX + b"\x02\x00\x02\x01OB\0\0" + struct.pack("<I", MAX_META) + bytes(MAX_META),
    ],
)
def test_a_file_without_its_data_set_is_refused(file: bytes) -> None:
    with pytest.raises(InvalidInstance, match="ends inside its meta header"):
        meta_end(file)
