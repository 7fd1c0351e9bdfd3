# SPDX-License-Identifier: Apache-2.0
"""How data sets go onto the wire."""

from collections.abc import AsyncIterator

import pytest

from pons.dicom.network.fragments import AT_ONCE, even_pieces, in_batches

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("pieces", "sent"),
    [
        ([], [b""]),
        ([b"abc"], [b"abc"]),
        ([b"ab", b"cd"], [b"ab", b"cd"]),
        ([b"abc", b"de", b"f"], [b"ab", b"cd", b"ef"]),
        ([b"a", b"", b"b", b"c", b"defg"], [b"ab", b"cdefg"]),
        ([b"a", b"b"], [b"ab"]),
    ],
)
async def test_pieces_are_even(pieces: list[bytes], sent: list[bytes]) -> None:
    """All but the last one, and nothing is lost or moved."""

    async def dataset() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    given = [one async for one in even_pieces(dataset())]
    assert [piece for piece, _ in given] == sent
    assert [last for _, last in given] == [False] * (len(sent) - 1) + [True]


async def test_batches() -> None:
    """All parts come, in their order and bounded in number."""
    assert [batch async for batch in in_batches([])] == []
    batches = [batch async for batch in in_batches(range(2 * AT_ONCE + 1))]
    assert [len(batch) for batch in batches] == [AT_ONCE, AT_ONCE, 1]
    assert [part for batch in batches for part in batch] == list(range(2 * AT_ONCE + 1))
