# SPDX-License-Identifier: Apache-2.0
"""Hostile and damaged files end in InvalidInstance, within 1 s and 64 MB."""

from __future__ import annotations

import json
import re
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable
from functools import partial

import pytest

from pons.errors import InvalidInstance
from pons.header import scan, scan_dataset
from pons.limits.unpacking import UnpackLimit

from .hostile import (
    DEFLATED,
    EXPLICIT,
    IDENTIFIERS,
    IMPLICIT,
    ITEM,
    ITEM_END,
    SEQUENCE_END,
    SQ,
    UNDEFINED,
    deflate,
)

SECONDS = 1.0
ATTEMPTS = 4
UNDISTURBED = 0.15
"""Seconds of processor time that `slowdown` takes on a core of its own, of the kind meant."""
BYTES = 64_000_000


def long_element(tag: bytes, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    return tag + vr + b"\0\0" + struct.pack("<I", len(value) if length is None else length) + value


def deflate_repeated(start: bytes, piece: bytes, times: int) -> bytes:
    """Deflate `piece` once: after a full flush, its deflated bytes can be repeated."""
    deflater = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    first = deflater.compress(start) + deflater.flush(zlib.Z_FULL_FLUSH)
    again = deflater.compress(piece) + deflater.flush(zlib.Z_FULL_FLUSH)
    return first + again * times + deflater.flush()


def nested_with_lengths(depth: int) -> bytes:
    """Sequences in items in sequences, each with its length: 20 bytes a level."""
    heads = [
        SQ + struct.pack("<I", 20 * rest - 12) + ITEM + struct.pack("<I", 20 * (rest - 1))
        for rest in range(depth, 0, -1)
    ]
    return b"".join(heads)


def distinct_elements(count: int) -> bytes:
    return b"".join(
        struct.pack("<HH2sHI", 0x0011 + 2 * (n >> 16), n & 0xFFFF, b"UL", 4, n)
        for n in range(count)
    )


HOSTILE: dict[str, Callable[[int], tuple[str, bytes]]] = {
    "10,000 nested sequences of undefined length": lambda many: (
        EXPLICIT,
        (SQ + UNDEFINED + ITEM + UNDEFINED) * 10_000,
    ),
    "10,000 nested sequences, all closed": lambda many: (
        EXPLICIT,
        (SQ + UNDEFINED + ITEM + UNDEFINED) * 10_000 + (ITEM_END + SEQUENCE_END) * 10_000,
    ),
    "10,000 nested sequences with lengths": lambda many: (EXPLICIT, nested_with_lengths(10_000)),
    "10,000 nested implicit sequences": lambda many: (
        IMPLICIT,
        (b"\x08\x00\x40\x11" + UNDEFINED + ITEM + UNDEFINED) * 10_000,
    ),
    "10,000 nested UN": lambda many: (
        EXPLICIT,
        (b"\x09\x00\x40\x11UN\0\0" + UNDEFINED + ITEM + UNDEFINED) * 10_000,
    ),
    "many elements without a VR": lambda many: (
        EXPLICIT,
        IDENTIFIERS
        + b"".join(struct.pack("<HH2sHI", 0x21, n % 0xFFFF, b"??", 4, n % 7) for n in range(many)),
    ),
    "many items that begin without a VR": lambda many: (
        EXPLICIT,
        IDENTIFIERS + SQ + UNDEFINED + (ITEM + b"\x08\0\0\0\x08\0\x16\0\0\0\0\0") * many,
    ),
    "group 0002 over and over": lambda many: (
        EXPLICIT,
        b"\x02\x00\x10\x00UI\x04\x001.2\0" * many + IDENTIFIERS,
    ),
    "an element of 4 GB": lambda many: (
        EXPLICIT,
        IDENTIFIERS + long_element(b"\x42\x00\x11\x00", b"OB", b"\0" * 100, 0xFFFFFFFE),
    ),
    "a text of 4 GB": lambda many: (
        IMPLICIT,
        b"\x08\x00\x18\x00" + b"\xfe\xff\xff\xff" + b"1" * 100,
    ),
    "a sequence of 4 GB": lambda many: (
        EXPLICIT,
        IDENTIFIERS + SQ + b"\xfe\xff\xff\xff" + b"\0" * 99,
    ),
    "an item of 4 GB": lambda many: (
        EXPLICIT,
        IDENTIFIERS + SQ + UNDEFINED + ITEM + b"\xfe\xff\xff\xff" + b"\0" * 99,
    ),
    "an item longer than its sequence": lambda many: (
        EXPLICIT,
        IDENTIFIERS + SQ + b"\x08\0\0\0" + ITEM + b"\x10\0\0\0" + b"\0" * 99,
    ),
    "an element longer than its item": lambda many: (
        EXPLICIT,
        IDENTIFIERS
        + SQ
        + b"\x12\0\0\0"
        + ITEM
        + b"\x0a\0\0\0"
        + b"\x08\0\x60\0CS\x09\0MR"
        + b" " * 99,
    ),
    "text of undefined length": lambda many: (
        EXPLICIT,
        IDENTIFIERS + b"\x40\x00\x60\xa1UT\0\0" + UNDEFINED + b"x" * 99,
    ),
    "a sequence without end": lambda many: (
        EXPLICIT,
        SQ + UNDEFINED + (ITEM + b"\0\0\0\0") * many,
    ),
    "a sequence of endless items": lambda many: (
        EXPLICIT,
        SQ + UNDEFINED + (ITEM + UNDEFINED + ITEM_END) * many,
    ),
    "fragments without end": lambda many: (
        EXPLICIT,
        IDENTIFIERS + b"\xe0\x7f\x10\x00OB\0\0" + UNDEFINED + (ITEM + b"\0\0\0\0") * many,
    ),
    "fragments beyond the file": lambda many: (
        EXPLICIT,
        IDENTIFIERS
        + b"\xe0\x7f\x10\x00OB\0\0"
        + UNDEFINED
        + ITEM
        + b"\xfe\xff\xff\x7f"
        + b"\0" * 99,
    ),
    "pixel data cut short": lambda many: (
        EXPLICIT,
        IDENTIFIERS + long_element(b"\xe0\x7f\x10\x00", b"OW", b"\0" * 99, 100),
    ),
    "empty elements without end": lambda many: (EXPLICIT, b"\x08\x00\x50\x00SH\0\0" * many),
    "many different elements": lambda many: (EXPLICIT, distinct_elements(many)),
    "a million escape sequences": lambda many: (
        EXPLICIT,
        b"\x08\x00\x05\x00CS\x10\0\\ISO 2022 IR 149"
        + long_element(b"\x08\x00\x15\x01", b"UT", b"\x1b$)Ca" * 200_000) * 5,
    ),
    "a million escape sequences in many values": lambda many: (
        EXPLICIT,
        b"\x08\x00\x05\x00CS\x10\0\\ISO 2022 IR 149"
        + long_element(b"\x08\x00\x15\x01", b"UT", b"\x1b$)Ca" * 9_000) * (many // 2250),
    ),
    "a million escape sequences in short values": lambda many: (
        EXPLICIT,
        b"\x08\x00\x05\x00CS\x10\0\\ISO 2022 IR 149"
        + b"".join(
            b"\x08\x00\x15\x01LO\x34\0" + b"\x1b$)C" * 10 + b"%12d" % n
            for n in range(many * 2 // 5)
        ),
    ),
    "a character set of many names": lambda many: (
        EXPLICIT,
        long_element(b"\x08\x00\x05\x00", b"UT", b"\\".join(b"%x" % n for n in range(many)))
        + long_element(b"\x08\x00\x15\x01", b"UT", b"\x1b$)Ca" * 9_000),
    ),
    "items that each have a character set": lambda many: (
        EXPLICIT,
        SQ
        + UNDEFINED
        + b"".join(
            ITEM + UNDEFINED + b"\x08\x00\x05\x00CS\x10\0\\%15x" % n + ITEM_END
            for n in range(many // 5)
        ),
    ),
    "millions of values with spaces": lambda many: (
        EXPLICIT,
        long_element(b"\x08\x00\x19\x01", b"UC", b"ab \\" * 260_000),
    ),
    "millions of empty values": lambda many: (
        EXPLICIT,
        long_element(b"\x08\x00\x19\x01", b"UC", b"\\" * 1_000_000) * 8,
    ),
    "a meta header without end": lambda many: (
        "",
        bytes(128) + b"DICM" + b"\x02\x00\x16\x00AE\0\0" * many,
    ),
    "a deflated gigabyte of zeros": lambda many: (
        DEFLATED,
        deflate_repeated(IDENTIFIERS, b"\0" * 1_000_000, 1000),
    ),
    "a deflated gigabyte of text": lambda many: (
        DEFLATED,
        deflate_repeated(
            IDENTIFIERS + long_element(b"\x40\x00\x60\xa1", b"UT", b"", 1_000_000_000),
            b"x" * 1_000_000,
            1000,
        ),
    ),
    "a deflated gigabyte of elements": lambda many: (
        DEFLATED,
        deflate_repeated(IDENTIFIERS, b"\x40\x00\x60\xa1SH\0\0" * 100_000, 1200),
    ),
    "a deflated gigabyte of pixels": lambda many: (
        DEFLATED,
        deflate_repeated(
            IDENTIFIERS + long_element(b"\xe0\x7f\x10\x00", b"OW", b"", 1_000_000_000),
            b"\0" * 1_000_000,
            1000,
        ),
    ),
    "deflated pixel data cut short": lambda many: (
        DEFLATED,
        deflate(IDENTIFIERS + long_element(b"\xe0\x7f\x10\x00", b"OW", b"\0" * 99, 100)),
    ),
    "a deflated stream cut short": lambda many: (DEFLATED, deflate(IDENTIFIERS * 1000)[:-5]),
    "a damaged deflated stream": lambda many: (DEFLATED, b"\xff" * 1000),
}


def refuse(transfer_syntax: str, data: bytes) -> None:
    read = partial(scan_dataset, transfer_syntax=transfer_syntax) if transfer_syntax else scan
    with pytest.raises(InvalidInstance):
        read(data)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_time(name: str) -> None:
    """No header costs more than a second of processor time, whatever it claims to contain."""
    transfer_syntax, data = HOSTILE[name](250_000)

    assert any(
        seconds_to_refuse(transfer_syntax, data) < SECONDS * slowdown() for _ in range(ATTEMPTS)
    )


def seconds_to_refuse(transfer_syntax: str, data: bytes) -> float:
    start = time.process_time()
    refuse(transfer_syntax, data)
    return time.process_time() - start


def slowdown() -> float:
    """How much slower this core is now than one that no other process shares, at least 1."""
    start = time.process_time()
    counts: dict[str, int] = {}
    for number in range(200_000):
        word = f"{number % 1000:04}"
        counts[word] = counts.get(word, 0) + len(word.encode().decode())
    return max(1.0, (time.process_time() - start) / UNDISTURBED)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_little_memory(name: str) -> None:
    """No header costs more than 64 MB, whatever it claims to contain."""
    transfer_syntax, data = HOSTILE[name](80_000)
    tracemalloc.start()
    try:
        refuse(transfer_syntax, data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < BYTES


def test_64_sequences_may_nest_and_65_not() -> None:
    """The limit of nesting is Orthanc's."""
    opened, closed = SQ + UNDEFINED + ITEM + UNDEFINED, ITEM_END + SEQUENCE_END
    after = b"\x20\x00\x0d\x00UI\x04\x001.3\0\x20\x00\x0e\x00UI\x04\x001.4\0"
    before = b"\x08\x00\x18\x00UI\x04\x001.2\0"

    header = scan_dataset(before + opened * 64 + closed * 64 + after, EXPLICIT)
    assert header.json.count(b'"00081140"') == 64

    with pytest.raises(InvalidInstance, match="is nested deeper than 64 sequences"):
        scan_dataset(before + opened * 65 + closed * 65 + after, EXPLICIT)


def test_a_deflated_data_set_that_unpacks_too_far_is_refused() -> None:
    """Beyond what is free at any ratio; an empty image that deflates as well is taken below it."""
    pixels = b"\xe0\x7f\x10\x00"
    empty = IDENTIFIERS + long_element(pixels, b"OW", bytes(512 * 512 * 2))
    assert scan(part10(deflate(empty)), unpacking=UnpackLimit(50, 1_000_000)).pixel_data
    bomb = deflate(IDENTIFIERS + long_element(pixels, b"OW", bytes(4_000_000)))
    with pytest.raises(InvalidInstance) as refused:
        scan(part10(bomb), unpacking=UnpackLimit(50, 2_097_152))
    assert re.fullmatch(
        rf"The deflated data set unpacks too far \(2\d{{6}} bytes from {len(bomb)}, \d+ times as "
        r"many; beyond 2 MiB \(setting ingest.unpack_free_mb\) at most 50 times as many are taken "
        r"\(setting ingest.unpack_ratio\)\)",
        str(refused.value),
    )
    assert scan(part10(bomb), unpacking=UnpackLimit(10_000, 0)).pixel_data


def test_a_whole_deflated_data_set_takes_little_memory() -> None:
    """200 MB of pixels inflate beside memory where the elements behind them are wanted."""
    behind = b"\xfc\xff\xfc\xff" + b"OB\0\0" + struct.pack("<I", 4) + b"pad."
    start = IDENTIFIERS + long_element(b"\xe0\x7f\x10\x00", b"OW", b"", 200_000_000)
    deflater = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    first = deflater.compress(start) + deflater.flush(zlib.Z_FULL_FLUSH)
    again = deflater.compress(bytes(1_000_000)) + deflater.flush(zlib.Z_FULL_FLUSH)
    file = part10(first + again * 200 + deflater.compress(behind) + deflater.flush())
    tracemalloc.start()
    try:
        header = scan(file, whole=True)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert json.loads(header.json)["FFFCFFFC"] == {"vr": "OB", "InlineBinary": "cGFkLg=="}
    assert peak < 8_000_000


def part10(deflated: bytes) -> bytes:
    """A file with a deflated data set (PS3.10 7.1, PS3.5 A.5)."""
    uid = DEFLATED.encode()
    return bytes(128) + b"DICM\x02\x00\x10\x00UI" + struct.pack("<H", len(uid)) + uid + deflated
