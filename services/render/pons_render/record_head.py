# SPDX-License-Identifier: Apache-2.0
"""How a record of `/series/{id}/frames` begins; known also where no pixel is read."""

from typing import Any

import msgspec

from pons.messages.frames import FRAME_LENGTHS

Head = dict[str, Any]


def begin_record(head: Head, values: int = 0) -> bytes:
    """The record up to its values, of which there are so many bytes."""
    text = msgspec.json.encode(head)
    return FRAME_LENGTHS.pack(len(text), values) + text


def is_refusal(record: bytes) -> bool:
    """Whether a record, or the beginning of one, is of a frame that cannot be shown."""
    return len(record) >= FRAME_LENGTHS.size and FRAME_LENGTHS.unpack_from(record)[1] == 0
