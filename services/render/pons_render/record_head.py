# SPDX-License-Identifier: Apache-2.0
"""How a record of `/series/{id}/frames` begins; known also where no pixel is read."""

import struct
from typing import Any

import msgspec

LENGTHS = struct.Struct("<II")
"""Bytes of the head, and of the values."""

Head = dict[str, Any]


def begin_record(head: Head, values: int = 0) -> bytes:
    """The record up to its values, of which there are so many bytes."""
    text = msgspec.json.encode(head)
    return LENGTHS.pack(len(text), values) + text
