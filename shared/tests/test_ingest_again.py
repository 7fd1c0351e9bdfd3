# SPDX-License-Identifier: Apache-2.0
"""An object whose announcement was lost is announced again, as it was."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
import xxhash
import zstandard

from pons.bus import Bus
from pons.errors import InvalidInstance, NotFound
from pons.ingest import Ingest, Stored
from pons.messages.events import Origin
from pons.objects import FileObjects, new_key
from pons_testing.indexing import FakeIndex

from .storing import IDS, ORIGIN, kept, keys

pytestmark = pytest.mark.anyio
MakeFile = Callable[..., bytes]


async def announced_again(ingest: Ingest, key: UUID) -> Stored | InvalidInstance:
    [answer] = await ingest.announce_again([await ingest.recognise(key)])
    return answer


async def test_what_is_known_of_a_lost_announcement_comes_back(
    ingest: Ingest, objects: FileObjects, index: FakeIndex, make_file: MakeFile
) -> None:
    """Where and when an instance came in is announced again as it was, where that was noted."""
    key = new_key()
    await objects.put(key, make_file())
    found = await ingest.recognise(key, ORIGIN, 1.7e9)
    assert await ingest.announce_again([found]) == [Stored("Success", IDS, indexed=True)]
    assert (index.instances[0].origin, index.instances[0].received_at) == (ORIGIN, 1.7e9)


async def test_an_object_whose_announcement_was_lost_is_announced_again(
    ingest: Ingest, objects: FileObjects, index: FakeIndex, make_file: MakeFile
) -> None:
    """After a power cut the object is what is left: its event is made from it, key and all."""
    content = make_file()
    key = new_key()
    await objects.put(key, content)
    for _ in range(2):
        assert await announced_again(ingest, key) == Stored("Success", IDS, indexed=True)
    assert [event.object_key for event in index.instances] == [key, key]
    assert index.instances[0].checksum == xxhash.xxh3_128_digest(content)
    assert index.instances[0].size == len(content)
    assert index.instances[0].origin == Origin("Unknown")
    assert await keys(objects) == [key]
    assert list(Path(str(objects.local_path(key))).parents[2].rglob("*.part")) == []


async def test_a_compressed_object_is_announced_again_as_one(
    ingest: Ingest, objects: FileObjects, index: FakeIndex, make_file: MakeFile
) -> None:
    """After a power cut an object tells by itself in which form its file is."""
    content = make_file(TextValue="x" * 1000)
    key, stored = new_key(), zstandard.compress(content)
    await objects.put(key, stored)
    assert await announced_again(ingest, key) == Stored("Success", IDS, indexed=True)
    [event] = index.instances
    assert (event.object_key, event.compression) == (key, "zstd")
    assert (event.size, event.stored_size) == (len(content), len(stored))
    assert event.checksum == xxhash.xxh3_128_digest(content)


async def test_an_object_that_is_no_file_is_not_announced_again(
    ingest: Ingest, objects: FileObjects, bus: Bus
) -> None:
    """A large header that lost its file, or an object that is gone, is told apart."""
    key = new_key()
    await objects.put(key, zstandard.compress(b"{}"))
    with pytest.raises(InvalidInstance):
        await ingest.recognise(key)
    with pytest.raises(NotFound):
        await ingest.recognise(new_key())
    assert await kept(bus) == 0
