# SPDX-License-Identifier: Apache-2.0
"""What the gateway asks render for: many frames in one stream, or a small picture of one."""

import msgspec

FRAME_STREAM = "/frames"
"""Where a `FramesRequest` is posted to."""
THUMBNAIL = "/instances/{id}/frames/{frame}/thumbnail"
"""Where a small picture of a frame is."""
SMALLEST_EDGE, USUAL_EDGE, LARGEST_EDGE = 16, 128, 512
"""Pixels of the longer edge of a thumbnail."""


class Run(msgspec.Struct, frozen=True, array_like=True):
    """Frames of one instance that follow each other."""

    instance: str
    content: str
    """Key of the object with the instance's bytes: other bytes are not what was asked for."""
    first: int
    count: int


class FramesRequest(msgspec.Struct, frozen=True):
    """Frames in the order in which they are sent."""

    runs: list[Run]
    start: int = 0
    """The place of the first frame among those of its series."""
