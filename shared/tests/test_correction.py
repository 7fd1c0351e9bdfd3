# SPDX-License-Identifier: Apache-2.0
"""Files that lie about themselves are made right at the door; a real folder and nats-server."""

import io
import struct
import tracemalloc
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import FileDataset

from pons.errors import InvalidInstance
from pons.header import scan
from pons.ingest import Ingest
from pons.messages.events import InstanceReceived, Origin
from pons.objects import Body, FileObjects, Spool, new_key
from pons.objects.stored_file import ObjectFile
from pons_testing.indexing import FakeIndex

pytestmark = pytest.mark.anyio

ORIGIN = Origin("DicomProtocol", "192.0.2.7", "CT1", "PONS")
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
BIG, DEFLATED, JPEG = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.50"
PIXELS = bytes(range(256)) * 16


def element(tag: int, vr: str, value: bytes, syntax: str) -> bytes:
    order = ">" if syntax == BIG else "<"
    if syntax == IMPLICIT:
        return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value
    head = struct.pack(order + "HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    return head + struct.pack(order + ("2xI" if vr == "OW" else "H"), len(value)) + value


def dataset(syntax: str, pixels: bytes = PIXELS) -> bytes:
    number = struct.pack(">H" if syntax == BIG else "<H", 32)
    elements = (
        (0x00080016, "UI", b"1.2.840.10008.5.1.4.1.1.7\0"),
        (0x00080018, "UI", b"1.2.3.4.5\0"),
        (0x00081030, "LO", b"x" * 300),
        (0x00100010, "PN", b"Case^Bug"),
        (0x0020000D, "UI", b"1.2.3\0"),
        (0x0020000E, "UI", b"1.2.3.4\0"),
        (0x00280010, "US", number),
        (0x7FE00010, "OW", pixels),
    )
    return b"".join(element(tag, vr, value, syntax) for tag, vr, value in elements)


def meta(
    transfer_syntax: str, *, group_length: int | None = None, encoded: str = EXPLICIT
) -> bytes:
    """A meta header; without a group length of its own, its group's is right."""

    def uid(number: int, text: str) -> bytes:
        value = text.encode() + b"\0" * (len(text) % 2)
        return element(0x00020000 | number, "UI", value, encoded)

    content = uid(0x02, "1.2.840.10008.5.1.4.1.1.7") + uid(0x10, transfer_syntax)
    content += uid(0x12, "1.2.3.4.99")
    size = len(content) if group_length is None else group_length
    return element(0x00020000, "UL", struct.pack("<I", size), encoded) + content


PREFIX = bytes(128) + b"DICM"


def opened(stored: bytes) -> FileDataset:
    return dcmread(io.BytesIO(stored))


def body_of(kind: str, content: bytes, objects: FileObjects) -> Body:
    if kind != "spool":
        return {"bytes": bytes, "bytearray": bytearray, "memoryview": memoryview}[kind](content)
    spool = objects.spool()
    spool.write(content)
    return spool


def left_behind(folder: Path) -> list[Path]:
    """Spool files that nobody has removed."""
    return list(folder.rglob("*.part"))


@pytest.mark.parametrize("kind", ["bytes", "bytearray", "memoryview", "spool"])
@pytest.mark.parametrize(
    ("declared", "real"),
    [
        (IMPLICIT, EXPLICIT),
        (EXPLICIT, IMPLICIT),
        (BIG, EXPLICIT),
        (BIG, IMPLICIT),
        (EXPLICIT, BIG),
        (IMPLICIT, BIG),
        (DEFLATED, EXPLICIT),
        (JPEG, EXPLICIT),
        (JPEG, IMPLICIT),
        (JPEG, BIG),
    ],
)
async def test_the_stored_file_names_the_encoding_it_has(
    declared: str,
    real: str,
    kind: str,
    ingest: Ingest,
    objects: FileObjects,
    index: FakeIndex,
    tmp_path: Path,
) -> None:
    """All who open it read the same; the bytes of the data set are those that came."""
    body = body_of(kind, PREFIX + meta(declared) + dataset(real), objects)

    assert (await ingest.store(body, ORIGIN)).status == "Success"

    [event] = index.instances
    stored = await objects.read(event.object_key)
    assert stored == PREFIX + meta(real) + dataset(real)
    assert event.transfer_syntax == real
    assert (event.size, event.stored_size) == (len(stored), len(stored))
    assert event.pixel_offset == len(stored) - len(PIXELS)
    ds = opened(stored)
    assert ds.file_meta.TransferSyntaxUID == real
    assert ds.file_meta.FileMetaInformationGroupLength == len(meta(real)) - 12
    assert (ds.PatientName, ds.Rows) == ("Case^Bug", 32)
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        (meta(IMPLICIT, group_length=4), meta(EXPLICIT)),
        (meta(IMPLICIT)[12:], meta(EXPLICIT)[12:]),
        (meta(IMPLICIT, encoded=IMPLICIT), meta(EXPLICIT, encoded=IMPLICIT)),
    ],
)
@pytest.mark.parametrize("prefix", [PREFIX, b""])
async def test_odd_meta_headers_are_corrected_too(
    wrong: bytes,
    right: bytes,
    prefix: bytes,
    ingest: Ingest,
    objects: FileObjects,
    index: FakeIndex,
) -> None:
    """A group length that is wrong or missing, an implicit group, a file without a prefix."""
    await ingest.store(prefix + wrong + dataset(EXPLICIT), ORIGIN)

    [event] = index.instances
    assert await objects.read(event.object_key) == prefix + right + dataset(EXPLICIT)


@pytest.mark.parametrize("kind", ["bytes", "spool"])
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
async def test_a_second_meta_header_is_dropped(
    syntax: str, kind: str, ingest: Ingest, objects: FileObjects, index: FakeIndex
) -> None:
    """As Orthanc drops it; also what lies amid the data set."""
    right = dataset(syntax)
    middle = element(0x00020010, "UI", JPEG.encode(), syntax)
    cut = right.index(b"Case^Bug") + 8
    content = PREFIX + meta(syntax) + meta(JPEG) + right[:cut] + middle + right[cut:]

    await ingest.store(body_of(kind, content, objects), ORIGIN)

    [event] = index.instances
    stored = await objects.read(event.object_key)
    assert stored == PREFIX + meta(syntax) + right
    assert (event.transfer_syntax, event.pixel_offset) == (syntax, len(stored) - len(PIXELS))
    assert opened(stored).PatientName == "Case^Bug"


@pytest.mark.parametrize("kind", ["bytes", "spool"])
async def test_what_cannot_be_corrected_is_refused(
    kind: str, ingest: Ingest, objects: FileObjects, index: FakeIndex, tmp_path: Path
) -> None:
    """Fragments in a data set whose encoding no compressed transfer syntax has."""
    fragments = b"\xfe\xff\0\xe0" + bytes(4) + b"\xfe\xff\xdd\xe0" + bytes(4)
    native = element(0x7FE00010, "OW", PIXELS, IMPLICIT)
    odd = dataset(IMPLICIT).removesuffix(native) + native[:4] + b"\xff" * 4 + fragments
    body = body_of(kind, PREFIX + meta(EXPLICIT) + odd, objects)

    with pytest.raises(
        InvalidInstance, match=f"does not fit transfer syntax {EXPLICIT} .*{IMPLICIT}"
    ):
        await ingest.store(body, ORIGIN)

    assert index.instances == []
    assert left_behind(tmp_path) == []


async def test_objects_stored_before_are_announced_as_they_are(
    ingest: Ingest, objects: FileObjects, index: FakeIndex
) -> None:
    """Nothing is lost because it was stored when nobody corrected files."""
    wrong = PREFIX + meta(IMPLICIT) + dataset(EXPLICIT)
    native = PREFIX + meta(JPEG) + dataset(IMPLICIT)
    for content in (wrong, native):
        key = new_key()
        await objects.put(key, content)
        await ingest.announce_again([await ingest.recognise(key)])
        again = await ingest.read_again(ObjectFile(key, len(content), len(content), ""))
        assert isinstance(again, InstanceReceived)
        event = index.instances[-1]
        assert again.transfer_syntax == event.transfer_syntax
        assert await objects.read(event.object_key) == content
        assert event.pixel_offset == len(content) - len(PIXELS)
    assert [event.transfer_syntax for event in index.instances] == [EXPLICIT, IMPLICIT]


async def test_a_large_file_is_corrected_in_little_memory(
    ingest: Ingest, objects: FileObjects, index: FakeIndex
) -> None:
    content = PREFIX + meta(IMPLICIT) + dataset(EXPLICIT, bytes(60_000_000))
    body = body_of("spool", content, objects)
    assert isinstance(body, Spool)
    del content
    tracemalloc.start()
    try:
        await ingest.store(body, ORIGIN)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    [event] = index.instances
    assert peak < 20_000_000
    assert event.pixel_length == 60_000_000
    assert scan(await objects.read(event.object_key)).correction is None
