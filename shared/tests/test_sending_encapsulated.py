# SPDX-License-Identifier: Apache-2.0
"""Compressed data sets, sequences and fragments on their way into another encoding."""

from io import BytesIO

import pytest
from pydicom.filereader import read_dataset

from pons.errors import InvalidInstance

from .converting import (
    EXPLICIT,
    IMPLICIT,
    JPEG,
    Convert,
    end_of_sequence,
    explicit,
    implicit,
    item,
    open_item,
)

pytestmark = pytest.mark.anyio


def fragmented(*fragments: bytes) -> bytes:
    content = b"".join(map(item, fragments)) + end_of_sequence()
    return explicit((0x7FE00010, b"OB", content), undefined=True)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            explicit((0x00100010, b"PN", b"odd")) + fragmented(bytes(4), b"jpeg"),
            explicit((0x00100010, b"PN", b"odd ")) + fragmented(bytes(4), b"jpeg"),
        ),
        (fragmented(b"", b"jpe"), fragmented(b"", b"jpe\0")),
        (fragmented(b"", b"\xff" * 3_000_001), fragmented(b"", b"\xff" * 3_000_001 + b"\0")),
        (
            fragmented(b"\0\0\0\0\x0b\0\0\0", b"jpe", b"two"),
            fragmented(b"\0\0\0\0\x0b\0\0\0", b"jpe", b"two\0"),
        ),
        (fragmented(), fragmented()),
    ],
    ids=("a value", "the last fragment", "a long one", "another fragment", "none"),
)
async def test_compressed_data_sets_of_odd_length(
    convert: Convert, source: bytes, expected: bytes
) -> None:
    """They keep their transfer syntax. No fragment moves: offset tables stay right."""
    assert await convert(JPEG, source, JPEG) == expected


async def test_implicit_items_in_an_explicit_data_set(convert: Convert) -> None:
    """Some writers make them; each item is read as it is."""
    inside = item(implicit((0x00080100, b"A ")))
    source = explicit((0x0040A168, b"SQ", inside))
    assert await convert(EXPLICIT, source, IMPLICIT) == implicit((0x0040A168, inside))


async def test_fragments_are_refused(convert: Convert) -> None:
    """Uncompressed transfer syntaxes have none (PS3.5 A.4)."""
    inside = item(b"") + item(b"jpeg") + end_of_sequence()
    source = explicit((0x7FE00010, b"OB", inside), undefined=True)
    with pytest.raises(InvalidInstance, match=r"Pixel Data .* is in fragments"):
        await convert(EXPLICIT, source, IMPLICIT)


async def test_large_sequences_are_written_without_length(convert: Convert) -> None:
    """What is too large to be held is streamed, and pydicom reads it the same."""
    large = implicit((0x00420011, bytes(range(256)) * 8192), (0x00080100, b"A "))
    source = implicit((0x0040A168, item(large) + item(implicit((0x00080100, b"B ")))))
    arrived = read_dataset(
        BytesIO(await convert(IMPLICIT, source, EXPLICIT)), is_implicit_VR=False,
        is_little_endian=True,
    )  # fmt: skip
    first, second = arrived[0x0040A168].value
    assert first[0x00420011].value == bytes(range(256)) * 8192
    assert (first.CodeValue, second.CodeValue) == ("A", "B")


async def test_deep_nesting(convert: Convert) -> None:
    """Sequences in sequences as deep as the way in lets them be."""
    content = explicit((0x00080100, b"SH", b"A ")) * 300
    for _ in range(60):
        content = explicit(
            (0x0040A168, b"SQ", open_item(content) + end_of_sequence()), undefined=True
        )
    converted = await convert(EXPLICIT, content, IMPLICIT)
    assert converted.count(b"\x08\x00\x00\x01\x02\x00\x00\x00A ") == 300
