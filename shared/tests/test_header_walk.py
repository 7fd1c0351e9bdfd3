# SPDX-License-Identifier: Apache-2.0
"""Finding elements in files that were made to be hard to walk through."""

import struct

import pytest

from pons.errors import InvalidInstance
from pons.header.file import syntax_of
from pons.header.walk import Extent, Walk

pytestmark = pytest.mark.anyio

EXPLICIT = "1.2.840.10008.1.2.1"
SEQUENCE = struct.pack("<HH2sHL", 0x0040, 0xA730, b"SQ", 0, 0xFFFFFFFF)
ITEM = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
ENDS = struct.pack("<HHLHHL", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
ROWS = struct.pack("<HH2sHH", 0x0050, 0x0010, b"US", 2, 7)


async def tags_of(content: bytes) -> tuple[list[int], int]:
    """The tags of a data set, and how many bytes were read to find them."""
    read = 0

    async def read_range(start: int, length: int) -> bytes:
        nonlocal read
        read += length
        return content[start : start + length]

    walk = Walk(read_range, len(content))
    dataset = walk.dataset(syntax_of(EXPLICIT, content, len(content)), 0)
    return [element.tag async for element in walk.elements(dataset)], read


async def test_deep_sequences_are_passed_once() -> None:
    """What is inside of sequences in sequences is looked at once, not once for each level."""
    deep = (SEQUENCE + ITEM) * 63 + ENDS * 63
    tags, read = await tags_of(deep * 500 + ROWS)
    assert (len(tags), tags[-1]) == (501, 0x00500010)
    assert read < 4 * len(deep) * 500


async def test_who_goes_into_sequences_reads_them_once() -> None:
    """Where somebody looked at what is inside, it is not passed once more for each level."""
    deep = (SEQUENCE + ITEM) * 60 + ROWS * 20_000 + ENDS * 60
    content = deep + ROWS
    read = 0

    async def read_range(start: int, length: int) -> bytes:
        nonlocal read
        read += length
        return content[start : start + length]

    walk = Walk(read_range, len(content))
    found: list[int] = []

    async def go_into(extent: Extent) -> None:
        async for element in walk.elements(extent):
            found.append(element.tag)
            if element.is_sequence:
                async for item in walk.items(element):
                    await go_into(item)

    await go_into(walk.dataset(syntax_of(EXPLICIT, content, len(content)), 0))
    assert found == [0x0040A730] * 60 + [0x00500010] * 20_001
    assert read < 4 * len(content)


async def test_too_deep_sequences_are_refused() -> None:
    """The depth has the bound that it has on the way in."""
    with pytest.raises(InvalidInstance):
        await tags_of((SEQUENCE + ITEM) * 100 + ENDS * 100 + ROWS)


async def test_long_values_are_not_read() -> None:
    """Only heads of elements are read, a window at a time."""
    value = struct.pack("<HH2sHL", 0x0042, 0x0011, b"OB", 0, 50_000_000) + bytes(50_000_000)
    tags, read = await tags_of(value + ROWS)
    assert (tags, read < 200_000) == ([0x00420011, 0x00500010], True)


@pytest.mark.parametrize(
    "content",
    [
        SEQUENCE,
        SEQUENCE + ITEM,
        SEQUENCE + ITEM + ROWS,
        SEQUENCE + ROWS,
        ITEM,
        ROWS[:-1],
        struct.pack("<HH2sHL", 0x0010, 0x0010, b"UT", 0, 0xFFFFFFFF),
        struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF) + ROWS,
    ],
)
async def test_damaged_elements_are_refused(content: bytes) -> None:
    """What ends too early, or holds what cannot be there, is an invalid instance."""
    with pytest.raises(InvalidInstance):
        await tags_of(content)
