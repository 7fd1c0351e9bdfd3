# SPDX-License-Identifier: Apache-2.0
"""Bytes in gzip: what is made can be read by others, and what comes is bounded."""

import gzip
from collections.abc import AsyncIterator

import pytest

from pons.objects import FileObjects, Spool
from pons.objects.bodies import freed, read_body
from pons.objects.gzip import gunzip, gzip_body

pytestmark = pytest.mark.anyio


async def pieces(*contents: bytes) -> AsyncIterator[bytes]:
    for content in contents:
        yield content


@pytest.mark.parametrize("size", [0, 5, 100_000, 9_000_000])
async def test_it_is_gzip(objects: FileObjects, size: int) -> None:
    """Whatever the size; what is large lies in a spool."""
    half = bytes(range(256)) * (size // 512)
    rest = bytes(size - 2 * len(half))
    body = await gzip_body(objects, pieces(half, half, rest), size)
    with freed(body):
        assert isinstance(body, Spool) is (size == 9_000_000)
        packed = b"".join([piece async for piece in read_body(body)])
    assert gzip.decompress(packed) == half + half + rest
    assert gunzip(packed, size) == half + half + rest


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"no gzip",
        gzip.compress(b"1234"),
        gzip.compress(b"123456"),
        gzip.compress(bytes(10_000_000)),
        gzip.compress(b"12345")[:-1],
        gzip.compress(b"12345") + b"x",
        gzip.compress(b"12345")[:-8] + bytes(8),
    ],
    ids=["empty", "none", "short", "long", "bomb", "cut off", "more behind", "wrong sum"],
)
def test_what_is_not_what_was_announced(packed: bytes) -> None:
    """No gzip, too much, too little, cut off, something behind, or a wrong checksum is nothing."""
    assert gunzip(packed, 5) is None
