# SPDX-License-Identifier: Apache-2.0
"""Data sets byte by byte, and how one is converted."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pons.catalog import InstanceToSend
from pons.objects import FileObjects, new_key
from pons.sending.convert import open_converted
from pons_testing.object_folders import Lend

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
LONG = (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UN", b"UR", b"UT", b"SV", b"UV")
UNDEFINED = 0xFFFFFFFF
Element = tuple[int, bytes, bytes]


def tag_bytes(tag: int, order: str = "<") -> bytes:
    return struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)


def explicit(*elements: Element, order: str = "<", undefined: bool = False) -> bytes:
    result = b""
    for tag, vr, value in elements:
        result += tag_bytes(tag, order) + vr
        length = UNDEFINED if undefined else len(value)
        if vr in LONG:
            result += struct.pack(order + "HI", 0, length)
        else:
            result += struct.pack(order + "H", len(value))
        result += value
    return result


def implicit(*elements: tuple[int, bytes]) -> bytes:
    return b"".join(tag_bytes(t) + struct.pack("<I", len(v)) + v for t, v in elements)


def item(content: bytes, order: str = "<") -> bytes:
    return tag_bytes(0xFFFEE000, order) + struct.pack(order + "I", len(content)) + content


def open_item(content: bytes, order: str = "<") -> bytes:
    head = tag_bytes(0xFFFEE000, order) + struct.pack(order + "I", UNDEFINED)
    return head + content + tag_bytes(0xFFFEE00D, order) + bytes(4)


def end_of_sequence(order: str = "<") -> bytes:
    return tag_bytes(0xFFFEE0DD, order) + bytes(4)


def file_in(syntax: str, dataset: bytes) -> bytes:
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    meta = explicit((0x00020010, b"UI", uid))
    if syntax == DEFLATED:
        deflate = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        dataset = deflate.compress(dataset) + deflate.flush()
    return bytes(128) + b"DICM" + meta + dataset


Convert = Callable[[str, bytes, str], Any]
JPEG = "1.2.840.10008.1.2.4.70"


@pytest.fixture
def convert(tmp_path: Path, lend_objects: Lend) -> Convert:
    """What a peer gets of a data set in one syntax, when it takes another alone."""
    lend_objects(tmp_path, "main")
    objects = FileObjects(tmp_path, "main", fsync=False)

    async def run(syntax: str, dataset: bytes, target: str) -> bytes:
        file = file_in(syntax, dataset)
        key = new_key()
        await objects.put(key, file)
        instance = InstanceToSend(
            "one", ("p", "s", "r"), key, len(file), len(file), "", syntax,
            "1.2.3", "1.2", "1.3", "1.4", "P",
        )  # fmt: skip
        async with open_converted(objects, instance, target) as pieces:
            return b"".join([piece async for piece in pieces])

    return run
