# SPDX-License-Identifier: Apache-2.0
"""PALETTE COLOR to RGB (PS3.3 C.7.6.3.1.5, C.7.6.3.1.6 and C.7.9.2)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pons.errors import UnsupportedImage
from pons_render.bands import in_bands
from pons_render.frames import bulk_bytes
from pons_render.image import Image, Palette
from pons_render.source import Source


def apply_palette(image: Image, pixels: NDArray[Any], source: Source) -> NDArray[np.uint8]:
    """The colours of stored values, shape (rows, columns, 3).

    Values before the first that is mapped take the first colour, values after the last the last.
    Entries of 16 bits keep their 8 most significant ones.
    """
    if image.palette is None:
        raise UnsupportedImage("PALETTE COLOR without its lookup tables (0028,1101-1203)")
    _, first, _ = image.palette.descriptors[0]
    if image.pixel_representation and first >= 32768:
        first -= 65536  # read as unsigned where the VR may be either
    table = _lookup_table(
        image.palette, [bulk_bytes(bulk, source) for bulk in image.palette.tables]
    )
    last = len(table) - 1

    def colours(band: NDArray[Any]) -> NDArray[np.uint8]:
        return table[np.clip(band.astype(np.int64) - first, 0, last)]

    return in_bands(pixels, colours, np.uint8, (3,))


def _lookup_table(palette: Palette, values: Sequence[bytes]) -> NDArray[np.uint8]:
    """Shape (entries, 3)."""
    columns = []
    for (entries, _, bits), data in zip(palette.descriptors, values, strict=True):
        entries = entries or 65536
        wide = bits == 16 if palette.segmented else len(data) >= entries * 2
        column = _entries(data, wide, palette.big_endian)
        if palette.segmented:
            column = _expand(column, entries, wide)
        columns.append(column[:entries])
    shortest = min(len(column) for column in columns)
    if shortest == 0:
        raise UnsupportedImage("A palette colour lookup table is empty")
    table = np.stack([column[:shortest] for column in columns], axis=1)
    # Many writers put 8-bit entries into 16-bit words, whatever the descriptor says.
    return (table >> 8 if table.max() > 255 else table).astype(np.uint8)


def _entries(data: bytes, wide: bool, big_endian: bool) -> NDArray[np.uint16]:
    """The numbers of a table, which is a run of 16-bit words, each one entry or two of 8 bits."""
    words = np.frombuffer(data[: len(data) // 2 * 2], ">u2" if big_endian else "<u2")
    if wide:
        return words.astype(np.uint16)
    return np.frombuffer(words.astype("<u2").tobytes(), np.uint8).astype(np.uint16)


def _expand(numbers: NDArray[np.uint16], entries: int, wide: bool) -> NDArray[np.uint16]:
    """The table that segments describe."""
    table: list[int] = []
    _append_segments(table, numbers.tolist(), 0, None, entries, wide)
    return np.array(table[:entries], np.uint16)


def _append_segments(
    table: list[int], numbers: list[int], at: int, count: int | None, entries: int, wide: bool
) -> None:
    """Append what `count` segments from `at` say, to which an indirect one refers; None: all."""
    referred = count is not None
    while at + 2 < len(numbers) and count != 0 and len(table) < entries:
        opcode, length = numbers[at], numbers[at + 1]
        at += 2
        if count is not None:
            count -= 1
        if opcode == 0:
            table += numbers[at : at + length]
            at += length
        elif opcode == 1 and table:
            line = np.linspace(table[-1], numbers[at], length + 1)[1:]
            table += line.round().astype(int).tolist()
            at += 1
        elif opcode == 2 and not referred:
            digits, radix = (2, 65536) if wide else (4, 256)
            offset = sum(n * radix**i for i, n in enumerate(numbers[at : at + digits]))
            at += digits
            _append_segments(table, numbers, offset // (2 if wide else 1), length, entries, wide)
        else:
            raise UnsupportedImage(f"A palette segment has opcode {opcode}")
