# SPDX-License-Identifier: Apache-2.0
"""How a data set of any size goes onto the wire: in even pieces, a bounded number at once."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
AT_ONCE = 3 * 1024
"""Parts of PDUs that are written together: 1024 PDUs, so one piece at any usual length of them."""


async def even_pieces(dataset: AsyncIterable[bytes]) -> AsyncIterator[tuple[bytes, bool]]:
    """The pieces of a data set, and whether it ends there; all before are of even length.

    Fragments are (PS3.8 E.2), and DCMTK aborts at others; pieces of a file are of any.
    """
    held = b""
    async for piece in dataset:
        even = len(held) & ~1
        if even:
            yield held[:even], False
        held = held[even:] + piece
    yield held, True


async def in_batches(parts: Iterable[T]) -> AsyncIterator[list[T]]:
    """The parts of PDUs, some at a time. A peer that takes tiny PDUs alone gets a million of a
    piece: they are not in memory at once, and others are served between."""
    remaining = iter(parts)
    batch = list(islice(remaining, AT_ONCE))
    while batch:
        yield batch
        batch = list(islice(remaining, AT_ONCE))
        await asyncio.sleep(0)
