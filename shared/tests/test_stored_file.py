# SPDX-License-Identifier: Apache-2.0
"""Files that are compressed at rest, and files that are not: read alike."""

import random
from pathlib import Path
from typing import Any

import pytest
import zstandard

from pons.errors import InvalidInstance
from pons.objects import SPOOL_ABOVE, FileObjects, Spool, new_key
from pons.objects.stored_file import (
    BEGINNING,
    ObjectFile,
    compress,
    local_file,
    open_file,
    possible_forms,
    read_file,
    read_file_range,
    stream_file,
)

pytestmark = pytest.mark.anyio

SMALL = bytes(range(256)) * 40
LARGE = SMALL * 900
"""More than is gathered in memory."""
assert len(LARGE) > SPOOL_ABOVE


async def keep(objects: FileObjects, content: bytes, *, packed: bool) -> ObjectFile:
    stored = zstandard.compress(content) if packed else content
    key = new_key()
    await objects.put(key, stored)
    return ObjectFile(key, len(content), len(stored), "zstd" if packed else "")


def spooled(objects: FileObjects, content: bytes) -> Spool:
    spool = objects.spool()
    spool.write(content)
    return spool


def left_over(folder: Path) -> list[Path]:
    """Spool files that nobody closed."""
    return list(folder.rglob("*.part"))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
async def test_every_way_to_read_gives_the_file(
    objects: FileObjects, content: bytes, packed: bool
) -> None:
    """Whole, in pieces, in ranges and as a local file: the bytes that came in."""
    stored = await keep(objects, content, packed=packed)
    assert await read_file(objects, stored) == content
    assert b"".join([piece async for piece in stream_file(objects, stored)]) == content
    async with local_file(objects, stored) as path:
        assert path.read_bytes() == content
    for start, length in ((0, 10), (300, 5000), (len(content) - 5, 99), (len(content), 1), (7, 0)):
        wanted = content[start : start + length]
        assert await read_file_range(objects, stored, start, length) == wanted
        async with open_file(objects, stored) as file:
            assert await file.read_range(start, length) == wanted
            if file.path is not None:
                assert file.path.read_bytes() == content


async def test_a_range_of_a_plain_object_is_all_that_is_read(
    objects: FileObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames of an object that is not compressed cost their own bytes."""
    stored = await keep(objects, LARGE, packed=False)

    def forbidden(*_: Any) -> Any:
        raise AssertionError("the whole object is read")

    monkeypatch.setattr(objects, "stream", forbidden)
    monkeypatch.setattr(objects, "read", forbidden)
    assert await read_file_range(objects, stored, 256, 3) == b"\0\1\2"


@pytest.mark.parametrize("damage", [b"", b"x" * 100, zstandard.compress(SMALL)[:-9]])
async def test_a_damaged_object_is_told(objects: FileObjects, damage: bytes) -> None:
    """What does not give the file back is an error, never a shorter file."""
    key = new_key()
    await objects.put(key, damage)
    stored = ObjectFile(key, len(SMALL), len(damage), "zstd")
    with pytest.raises(InvalidInstance, match="is damaged"):
        await read_file(objects, stored)
    with pytest.raises(InvalidInstance, match="is damaged"):
        async for _ in stream_file(objects, stored):
            pass


async def test_only_what_gets_smaller_is_compressed(objects: FileObjects, tmp_path: Path) -> None:
    """A JPEG, say, is kept as it is; no spool stays behind."""
    noise = random.Random(1).randbytes(300_000)
    with spooled(objects, noise) as spool:
        assert await compress(objects, spool) is None
    assert await compress(objects, noise) is None
    assert await compress(objects, noise[:1000]) is None
    assert zstandard.decompress(await compress(objects, SMALL) or b"") == SMALL
    with spooled(objects, LARGE) as spool:
        packed = await compress(objects, spool)
        assert isinstance(packed, Spool)
        with packed:
            assert zstandard.decompress(packed.path.read_bytes()) == LARGE
    assert left_over(tmp_path) == []


def test_what_an_object_may_be() -> None:
    """A compressed object is recognised; a DICOM file whose preamble looks like one stays one."""
    key = new_key()
    packed = zstandard.compress(SMALL)
    plain_form = ObjectFile(key, len(packed), len(packed), "")
    packed_form = ObjectFile(key, len(SMALL), len(packed), "zstd")
    assert possible_forms(key, len(packed), packed[:BEGINNING]) == [packed_form, plain_form]
    polyglot = packed[:10].ljust(BEGINNING - 4, b"\0") + b"DICM"
    assert [form.compression for form in possible_forms(key, 1, polyglot)] == ["", "zstd"]
    for beginning in (b"", bytes(128) + b"DICM", packed[:4]):
        assert [form.compression for form in possible_forms(key, 1, beginning)] == [""]
