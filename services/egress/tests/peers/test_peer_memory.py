# SPDX-License-Identifier: Apache-2.0
"""Large files leave for a peer in pieces, several at a time."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pons.bus import Bus
from pons_testing.streams import serving_streams

pytestmark = pytest.mark.anyio

MB = 1024 * 1024
FILES, EACH_MB = 6, 48


@asynccontextmanager
async def sink() -> AsyncIterator[tuple[int, list[int]]]:
    """A peer that takes everything and keeps nothing: its port, and how long the bodies were."""
    received: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                writer.close()
                return
            left = length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            while left:
                left -= len(await reader.read(min(left, 65536)))
            received.append(length)
            writer.write(b'HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{"Status":"Success"}')

    async with serving_streams(serve) as port:
        yield port, received


@pytest.mark.parametrize("compress", [False, True])
async def test_large_files(
    bus: Bus, store: Any, index: Any, sending_to: Any, image: Any, compress: bool
) -> None:
    """Of files that have 288 MB together, a few are in memory at a time."""
    for number in range(1, FILES + 1):
        await store.add(bytes(EACH_MB * MB), image(number))
    store.contents.clear()
    async with (
        sink() as (port, received),
        sending_to(bus, store, f"http://127.0.0.1:{port}/") as sender,
    ):
        tracemalloc.start()
        job = await sender.send(compress=compress)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert job.document.state == "Success", job.document.error_details
    assert job.content["Size"] == str(sum(received))
    assert compress or received == [EACH_MB * MB] * FILES
    assert peak < EACH_MB * MB
