# SPDX-License-Identifier: Apache-2.0
"""Headers of many megabytes: unpacked within bounds, one after the other, and told in pieces."""

import asyncio
import ctypes
import sys
import threading
import time
import tracemalloc
from pathlib import Path
from typing import Any

import msgspec
import orjson
import psutil
import pydicom.data
import pytest
import zstandard

from pons.catalog.headers import Headers, PackedHeader
from pons.catalog.look_ups import LookUps
from pons.dicom.orthanc_json import Style
from pons.errors import InvalidInstance
from pons.header import MAX_JSON, scan
from pons.header.json_elements import elements, find_element, select_elements
from pons.header.large_tags import plain_members, write_large
from pons.header.packed import DamagedHeader, unpack_header, unpacked_size
from pons.limits.heap import give_back_memory
from pons.limits.room import LARGE, Room
from pons.objects import FileObjects, new_key
from pons_testing.orthanc_json import format_header

FOLDER = Path(pydicom.data.get_testdata_file("CT_small.dcm") or "").parent
MEGABYTE = 1024 * 1024


def headers() -> list[tuple[bytes, str | None]]:
    """The headers of pydicom's test files, and some that they are not like."""
    found: list[tuple[bytes, str | None]] = []
    for file in sorted(FOLDER.glob("*.dcm")):
        try:
            header = scan(file.read_bytes())
        except InvalidInstance:
            continue
        found.append((header.json, header.pixel_data.vr if header.pixel_data else None))
    return [
        *found,
        (b"{}", None),
        (b"{}", "OF"),
        (b'{"00100020":{"vr":"LO"}}', "OW"),
        (nested(), "OB"),
    ]


def nested() -> bytes:
    """Sequences that are written item by item, one inside the other, private ones too."""
    words = {"vr": "LO", "Value": ["x" * 100, "y"]}
    inner = [{"00290010": {"vr": "LO", "Value": ["SIEMENS MEDCOM HEADER"]}, "00291008": words,
              "00291031": words, "00400275": {"vr": "SQ"}}] * 300  # fmt: skip
    outer = [{"00081140": {"vr": "SQ", "Value": inner}, "00081150": words}, {}, {"00081150": words}]
    header = {
        "00081115": {"vr": "SQ", "Value": outer * 3},
        "00290010": {"vr": "LO", "Value": ["SIEMENS MEDCOM HEADER"]},
        "00290011": {"vr": "LO", "Value": ["NOBODY"]},
        "00291001": words,
        "00291040": {"vr": "SQ", "Value": inner},
        "00291101": words,
        "00291102": {"vr": "SQ", "Value": outer},
        "7FE10010": {"vr": "LO", "Value": ["AFTER PIXELS"]},
    }
    parts = (orjson.dumps({tag: element})[1:-1] for tag, element in header.items())
    return b"{" + b",\n".join(parts) + b"}"


@pytest.mark.parametrize("style", Style)
def test_pieces_are_what_the_format_says(style: Style) -> None:
    """All of pydicom's files, and sequences inside sequences; each member on a line of its own."""
    known = headers()
    assert len(known) > 50
    for json, vr in known:
        written = b"".join(write_large(json, style, pixel_vr=vr))
        expected = format_header(json, style, pixel_vr=vr)
        assert list(orjson.loads(written).items()) == list(expected.items())
        lines = written.split(b"\n")
        assert (lines[0], lines[-1]) == (b"{", b"}")
        assert len(lines) == len(expected) + 2
        only = frozenset(("00100010", "00081115"))
        chosen = b"".join(write_large(json, style, only=only))
        assert orjson.loads(chosen) == format_header(json, style, only=only)


def test_plain_members_are_those_of_the_format() -> None:
    """All but sequences, as the full format shows them."""
    for json, _ in headers():
        expected = format_header(json, Style.FULL)
        plain = {tag: one for tag, one in expected.items() if one["Type"] != "Sequence"}
        assert dict(plain_members(json)) == plain


def test_elements_are_found_without_decoding() -> None:
    """Each element of each header, the first and the last too; nothing for a tag it lacks."""
    for json, _ in headers():
        decoded = msgspec.json.decode(json)
        assert {tag: orjson.loads(one) for tag, one in elements(json)} == decoded
        for tag, element in decoded.items():
            assert orjson.loads(find_element(json, tag) or b"") == element
        assert find_element(json, "00000001") is None
        some = [tag for tag in decoded if tag < "00200000"]
        selected = orjson.loads(select_elements(json, [*some, "00000001"]))
        assert selected == {tag: decoded[tag] for tag in some}


def test_elements_of_a_large_header_are_selected_in_one_pass() -> None:
    """The same ones as of a small header, the first and the last too."""
    parts = [
        b'"%04X1000":{"vr":"LT","Value":["%b"]}' % (2 * n, b"x" * 300_000) for n in range(1, 9)
    ]
    json = b"{" + b",\n".join(parts) + b"}"
    assert len(json) > 2 * MEGABYTE
    tags = {"00021000", "00031000", "000A1000", "00101000"}
    selected = orjson.loads(select_elements(json, tags))
    assert list(selected) == ["00021000", "000A1000", "00101000"]
    assert selected["00101000"]["Value"] == ["x" * 300_000]
    assert select_elements(json, ()) == b"{}"


def test_a_tag_inside_a_sequence_is_not_the_header_s() -> None:
    """Nor is a text that looks like an element."""
    json = (
        b'{"00081115":{"vr":"SQ","Value":[{"00080005":{"vr":"CS"},"00081150":{"vr":"UI"}}]},\n'
        b'"00104000":{"vr":"LT","Value":["\\",\\n\\"00081150\\":{}"]}}'
    )
    assert find_element(json, "00081150") is None
    assert find_element(json, "00104000") is not None


def test_a_large_header_is_told_in_little_memory() -> None:
    """12 MB of items are written from one copy of them, and of each only where it is."""
    item = b'{"00081150":{"vr":"UI","Value":["1.2.3"]},"00081155":{"vr":"UI","Value":["1.2"]}}'
    json = b'{"00081115":{"vr":"SQ","Value":[' + b",".join([item] * 150_000) + b"]}}"
    assert len(json) > 12_000_000
    for style in Style:
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        size = sum(map(len, write_large(json, style)))
        peak = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()
        assert size > 5_500_000
        assert peak < 2.2 * len(json), (style, peak)


def test_what_a_frame_says_is_checked_before_it_is_believed() -> None:
    """A frame that says it has terabytes allocates nothing; one that says nothing has a bound."""
    text = b'{"00100020":{"vr":"LO","Value":["P"]}}'
    packed = zstandard.ZstdCompressor().compress(text)
    assert (unpacked_size(packed), unpack_header(packed)) == (len(text), text)
    # RFC 8878 3.1.1.1: a single segment with eight bytes of content size
    lying = packed[:4] + b"\xe0" + (2**42).to_bytes(8, "little") + packed[6:]
    with pytest.raises(DamagedHeader, match="4398046511104 bytes, at most 268435456"):
        unpack_header(lying)
    silent = zstandard.ZstdCompressor(write_content_size=False)
    assert unpacked_size(silent.compress(text)) == MAX_JSON
    assert unpack_header(silent.compress(text)) == text
    endless = silent.compress(bytes(MAX_JSON + 1))
    assert len(endless) < MEGABYTE
    with pytest.raises(DamagedHeader, match="more than 268435456 bytes"):
        unpack_header(endless)
    for damaged in (b"", b"no zstd", packed[:-9], packed[:12] + b"\xff" * 9):
        with pytest.raises(DamagedHeader):
            unpack_header(damaged)


def test_a_header_that_nobody_could_unpack_is_refused() -> None:
    """A control character takes six bytes as JSON: that is what counts, not the file's one."""
    text = b"\x01" * MEGABYTE
    file = bytearray(bytes(128) + b"DICM")
    for number in range(12):
        file += b"\x29\x00%cXUT\0\0" % number + len(text).to_bytes(4, "little") + text
    with pytest.raises(InvalidInstance, match="more than 67108864 bytes of long values"):
        scan(bytes(file))


class FakeReader:
    """A database that has one row."""

    def __init__(self, header: bytes | None) -> None:
        self.header = header

    async def row(self, _statement: str, *_values: Any) -> Any:
        return None if self.header is None else {"header": self.header}


@pytest.mark.anyio
async def test_large_headers_are_read_as_many_at_a_time_as_there_is_room(tmp_path: Path) -> None:
    """However many are asked for, with their row, behind it, or in an object of their own."""
    packed = zstandard.ZstdCompressor().compress(b" " * 4 * MEGABYTE)
    objects, key = FileObjects(tmp_path, "test", fsync=False), new_key()
    await objects.put(key, packed)
    lock, under_way, most = threading.Lock(), 0, 0

    def use(header: bytes) -> int:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.02)
        with lock:
            under_way -= 1
        return len(header)

    room = Room(9 * MEGABYTE)
    reader: Any = FakeReader(packed)
    headers = Headers(reader, LookUps(reader), objects, room)
    kinds = (
        PackedHeader(1, packed, None, "whose"),
        PackedHeader(1, None, None, "whose"),
        PackedHeader(1, b"", key, "whose"),
    )
    found = await asyncio.gather(*(headers.unpack(kind, use) for kind in kinds * 4))
    assert found == [(4 * MEGABYTE, 4 * MEGABYTE)] * 12
    assert most == 2
    assert room.free == room.size
    reader.header = None
    assert await headers.unpack(kinds[1], use) is None
    await objects.close()


@pytest.mark.anyio
async def test_a_reader_that_gives_up_leaves_room(tmp_path: Path) -> None:
    """Cancelled while it waits or while it is read, and one that cannot be read."""
    packed = zstandard.ZstdCompressor().compress(b" " * 4 * MEGABYTE)
    objects = FileObjects(tmp_path, "test", fsync=False)
    room, begun, go_on = Room(5 * MEGABYTE), threading.Event(), threading.Event()
    reader: Any = FakeReader(None)
    headers = Headers(reader, LookUps(reader), objects, room)
    one = PackedHeader(1, packed, None, "whose")

    def use(_: bytes) -> None:
        begun.set()
        assert go_on.wait(60)

    reading = asyncio.create_task(headers.unpack(one, use))
    waiting = asyncio.create_task(headers.unpack(one, len))
    assert await asyncio.to_thread(begun.wait, 10)
    third = asyncio.create_task(headers.unpack(one, len))
    waiting.cancel()
    reading.cancel()
    await asyncio.sleep(0.05)
    assert room.free == MEGABYTE  # its thread still has the text
    go_on.set()
    assert await third == (4 * MEGABYTE, 4 * MEGABYTE)
    with pytest.raises(asyncio.CancelledError):
        await reading
    with pytest.raises(ZeroDivisionError):
        await headers.unpack(one, lambda _: 1 // 0)
    assert room.free == room.size
    await objects.close()


@pytest.mark.anyio
async def test_room_is_given_in_the_order_of_asking() -> None:
    """What needs more than there is waits until it is alone, and is not overtaken."""
    room, order = Room(10), []

    async def take(name: str, size: int) -> None:
        async with room.hold(size):
            order.append(name)
            await asyncio.sleep(0.01)

    wishes = {"a": 6, "b": 100, "c": 3, "d": 3}
    await asyncio.gather(*(take(name, size) for name, size in wishes.items()))
    assert order == ["a", "b", "c", "d"]
    assert room.free == 10


@pytest.mark.anyio
async def test_memory_goes_back_to_the_system(tmp_path: Path) -> None:
    """Where the C library can: what was freed in small pieces does not stay with the process."""
    give_back_memory()
    if sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"):
        return
    room = Room(LARGE)
    before = psutil.Process().memory_info().rss
    async with room.hold(LARGE):
        pieces = [b"%d" % number * 200 for number in range(100_000, 200_000)]
        kept = pieces[-1:]  # a piece at the end keeps the heap from shrinking by itself
        del pieces
    assert psutil.Process().memory_info().rss - before < 60 * MEGABYTE
    assert kept
