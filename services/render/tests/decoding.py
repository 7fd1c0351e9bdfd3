# SPDX-License-Identifier: Apache-2.0
"""Frames as the decoder gives them to tests."""

from collections.abc import Callable
from typing import Any

from pons_render.decode import decode_frame
from pons_render.image import Located, read_image
from pons_render.source import Inflated, LocalFile, Source

Locate = Callable[[bytes], Located]
OpenFile = Callable[[bytes], LocalFile]


def decode_all(content: bytes, locate: Locate, open_file: OpenFile) -> list[Any]:
    """The frames of a file."""
    located = locate(content)
    image = read_image(located)
    file = open_file(content)
    source: Source = Inflated(file, located.size) if image.deflated else file
    return [
        decode_frame(image, source, number, most=1 << 30)[1]
        for number in numbers(image.number_of_frames)
    ]


def numbers(frames: int) -> range:
    """All frames; of a long run every tenth, which says the same in a tenth of the time."""
    return range(0, frames, 1 if frames <= 30 else 10)


def decode(content: bytes, locate: Locate, open_file: OpenFile, frame: int = 0) -> Any:
    return decode_all(content, locate, open_file)[frame]
