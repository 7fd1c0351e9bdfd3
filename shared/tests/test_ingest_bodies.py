# SPDX-License-Identifier: Apache-2.0
"""What comes in may be large, spooled or compressed: it is kept as it is, once."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import xxhash
import zstandard

from pons.bus import Bus
from pons.errors import InvalidInstance, OutOfResources
from pons.ingest import LARGE_HEADER, Ingest, Stored, open_ingest
from pons.objects import Body, FileObjects, new_key
from pons.settings import Settings, StorageSettings
from pons_testing.indexing import FakeIndex

from .storing import (
    IDS,
    ORIGIN,
    FailingObjects,
    consumed,
    keys,
    large_items,
    patient,
    spooled,
)

pytestmark = pytest.mark.anyio
MakeFile = Callable[..., bytes]


async def test_a_meta_header_too_large_for_a_message_is_invalid(
    ingest: Ingest, objects: FileObjects
) -> None:
    """Group 0002 travels in each event, so it has a bound of its own."""
    private = b"\x02\x00\x02\x01OB\x00\x00" + (48).to_bytes(4, "little") + bytes(48)
    uid = b"\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\x00"
    elements = b"".join(
        b"\x02\x00" + (0x0102 + n).to_bytes(2, "little") + private[4:] for n in range(900)
    )
    with pytest.raises(InvalidInstance, match="The file meta information is too large"):
        await ingest.store(bytes(128) + b"DICM" + uid + elements + MINIMAL_DATASET, ORIGIN)
    assert await keys(objects) == []


def element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
    value += b" " * (len(value) % 2) if vr != b"UI" else b"\0" * (len(value) % 2)
    head = group.to_bytes(2, "little") + number.to_bytes(2, "little") + vr
    return head + len(value).to_bytes(2, "little") + value


MINIMAL_DATASET = b"".join(
    (
        element(8, 0x16, b"UI", b"1.2.840.10008.5.1.4.1.1.7"),
        element(8, 0x18, b"UI", b"1.2.3.4.5"),
        element(0x10, 0x20, b"LO", b"P1"),
        element(0x20, 0x0D, b"UI", b"1.2.3"),
        element(0x20, 0x0E, b"UI", b"1.2.3.4"),
    )
)


async def test_a_large_header_becomes_an_object_of_its_own(
    ingest: Ingest, objects: FileObjects, index: FakeIndex, make_file: MakeFile
) -> None:
    """An instance whose header no message could carry is stored and indexed all the same."""
    items = large_items(4000)
    content = make_file(ContentSequence=items)
    assert (await ingest.store(content, ORIGIN)).status == "Success"
    [event] = index.instances
    assert event.header == b""
    assert event.header_key is not None
    header = await objects.read(event.header_key)
    assert len(header) > LARGE_HEADER
    assert items[-1].TextValue in zstandard.decompress(header).decode()
    assert await objects.read(event.object_key) == content
    assert sorted(await keys(objects)) == sorted((event.object_key, event.header_key))


@pytest.mark.parametrize("size", [3 << 20, 20 << 20])
@pytest.mark.parametrize("spool", [False, True])
async def test_a_large_body_is_stored_like_a_small_one(
    size: int,
    spool: bool,
    ingest: Ingest,
    objects: FileObjects,
    index: FakeIndex,
    make_file: MakeFile,
) -> None:
    """In memory or spooled, examined in a thread: the same identifiers, checksum and bytes."""
    content = make_file(BitsAllocated=8, PixelData=os.urandom(size))
    body: Body = spooled(objects, content) if spool else memoryview(content)
    assert await ingest.store(body, ORIGIN) == Stored("Success", IDS, indexed=True)
    [event] = index.instances
    assert event.checksum == xxhash.xxh3_128_digest(content)
    assert (event.size, event.pixel_length) == (len(content), size)
    assert await objects.read(event.object_key) == content


@pytest.mark.parametrize("outcome", ["stored", "no DICOM", "refused", "put fails"])
async def test_a_spool_is_consumed_whatever_happens(
    outcome: str, tmp_path: Path, index: FakeIndex, bus: Bus, make_file: MakeFile
) -> None:
    """No outcome leaves a temporary file that somebody would have to find."""
    objects = FailingObjects(
        tmp_path,
        OutOfResources("The disk is full") if outcome == "put fails" else None,
    )
    index.answer = ("", "no") if outcome == "refused" else ("Success", "")
    spool = spooled(objects, b"no DICOM" if outcome == "no DICOM" else make_file())
    async with open_ingest(objects, bus, patient()) as ingest:
        result = (await asyncio.gather(ingest.store(spool, ORIGIN), return_exceptions=True))[0]
    assert type(result) is {
        "stored": Stored,
        "no DICOM": InvalidInstance,
        "refused": InvalidInstance,
        "put fails": OutOfResources,
    }.get(outcome)
    assert consumed(spool)


@pytest.mark.parametrize("size", [1000, 9 * 1024 * 1024])
async def test_compression_at_rest(
    objects: FileObjects, bus: Bus, index: FakeIndex, make_file: MakeFile, size: int
) -> None:
    """Objects are smaller than their files; sizes, checksum and offsets tell of both."""
    content = make_file(Rows=1, Columns=1, BitsAllocated=8, PixelData=bytes(size))
    settings = Settings(storage=StorageSettings(compression=True))
    async with open_ingest(objects, bus, settings) as ingest:
        for body in (content, spooled(objects, content)):
            assert await ingest.store(body, ORIGIN) == Stored("Success", IDS, indexed=True)
    for event in index.instances:
        stored = await objects.read(event.object_key)
        assert zstandard.decompress(stored) == content
        assert (event.size, event.stored_size) == (len(content), len(stored))
        assert event.compression == "zstd"
        assert event.checksum == xxhash.xxh3_128_digest(content)
        assert event.pixel_offset == len(content) - size
    assert list(Path(str(objects.local_path(new_key()))).parents[2].rglob("*.part")) == []
