# SPDX-License-Identifier: Apache-2.0
"""Archives as they are streamed: what is in them, what is read when, and how they fail."""

import asyncio
import io
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import aclosing, closing
from typing import Any
from uuid import UUID

import pytest

from pons.errors import DamagedObject
from pons.jobs import ArchiveRequest
from pons.objects import FileObjects
from pons.settings import ArchiveSettings
from pons_render.archive import Archives
from pons_render.archive.bounds import ReadAhead
from pons_render.archive.stream import FILES_AHEAD
from pons_testing.waiting import until

from .archived import LARGE, FakeCatalog, Make

pytestmark = pytest.mark.anyio


async def read(archives: Archives, *resources: str, **more: Any) -> zipfile.ZipFile:
    archive = await archives.open(ArchiveRequest(list(resources), **more))
    async with aclosing(archive.pieces()) as pieces:
        content = b"".join([piece async for piece in pieces])
    assert len(content) == archive.size
    found = zipfile.ZipFile(io.BytesIO(content))
    assert found.testzip() is None
    return found


@pytest.mark.parametrize("compression", ["store", "fast"])
async def test_files_are_as_they_were_stored(
    catalog: FakeCatalog, objects: FileObjects, file: Make, compression: str
) -> None:
    """Small and large files come out byte by byte, in folders by their tags."""
    small, large = file(1), file(2, PixelData=bytes(range(256)) * (LARGE // 256))
    await catalog.add("a", small)
    await catalog.add("b", large, series="t")
    settings = ArchiveSettings(compression=compression)
    with closing(Archives(catalog, objects, settings)) as archives:
        archive = await read(archives, "s", "t")
    assert archive.namelist() == [
        "P1/Study/s - CT/CT000001.dcm",
        "P1/Study/t - CT/CT000002.dcm",
    ]
    assert [archive.read(name) for name in archive.namelist()] == [small, large]


async def test_media(catalog: FakeCatalog, archives: Archives, file: Make) -> None:
    """A medium numbers its images through all series, and lists them in a DICOMDIR at the end."""
    for number in range(3):
        await catalog.add(f"i{number}", file(number + 1), series=f"s{number % 2}")
    archive = await read(archives, "s0", "s1", media=True)
    assert archive.namelist() == ["IMAGES/IM0", "IMAGES/IM1", "IMAGES/IM2", "DICOMDIR"]
    assert archive.read("DICOMDIR").count(b"IMAGE ") == 3


async def test_one_instance(catalog: FakeCatalog, archives: Archives, file: Make) -> None:
    """An instance that was named itself comes without its siblings."""
    await catalog.add("a", file(1))
    await catalog.add("b", file(2))
    assert (await read(archives, "b")).namelist() == ["P1/Study/s - CT/CT000002.dcm"]


async def test_nothing(archives: Archives) -> None:
    """An archive of nothing is an empty ZIP."""
    assert (await read(archives)).namelist() == []


async def test_deleted_meanwhile(catalog: FakeCatalog, archives: Archives, file: Make) -> None:
    """An instance that was deleted after the archive began is left out of it."""
    keys = [await catalog.add(name, file(1)) for name in ("a", "b")]
    archive = await archives.open(ArchiveRequest(["s"]))
    instances = await catalog.archive.instances(archive._series[0], ["s"])
    del catalog.rows["a"]
    await catalog.objects.delete(keys[:1])

    async def as_they_were(*_: Any) -> Any:
        return instances

    catalog.instances = as_they_were  # type: ignore[method-assign]
    content = b"".join([piece async for piece in archive.pieces()])
    assert zipfile.ZipFile(io.BytesIO(content)).namelist() == ["P1/Study/s - CT/CT000002.dcm"]
    assert catalog.looked_up == ["a"]
    assert archive.instances == 1


DAMAGE: dict[str, Callable[[bytes], bytes | None]] = {
    "missing": lambda file: None,
    "empty": lambda file: b"",
    "truncated": lambda file: file[:-7],
    "grown": lambda file: file + b"\0",
    "flipped": lambda file: file[:-3] + bytes([file[-3] ^ 1]) + file[-2:],
}


async def damage(catalog: FakeCatalog, key: UUID, how: str) -> None:
    """Change what lies in the object store behind its back."""
    changed = DAMAGE[how](await catalog.objects.read(key))
    await catalog.objects.delete([key])
    if changed is not None:
        await catalog.objects.put(key, changed)


@pytest.mark.parametrize("media", [False, True])
@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("size", [10, LARGE])
async def test_damaged_object(
    catalog: FakeCatalog, archives: Archives, file: Make, size: int, how: str, media: bool
) -> None:
    """An object that is not what it was ends the archive before the ZIP does, naming the instance;
    in a permissive one it is left out, and listed."""
    key = await catalog.add("bad", file(1, PixelData=bytes(size)))
    await catalog.add("good", file(2))
    await damage(catalog, key, how)
    strict = await archives.open(ArchiveRequest(["s"], media=media))
    with pytest.raises(DamagedObject, match=f"What the store keeps of bad .*{key}"):
        assert not [piece async for piece in strict.pieces() if b"PK\x05\x06" in piece]
    archive = await archives.open(ArchiveRequest(["s"], media=media, permissive=True))
    content = b"".join([piece async for piece in archive.pieces()])
    found = zipfile.ZipFile(io.BytesIO(content))
    assert found.testzip() is None
    bad, good = ("IMAGES/IM0", "IMAGES/IM1") if media else ("CT000001.dcm", "CT000002.dcm")
    names = [name.removeprefix("P1/Study/s - CT/") for name in found.namelist()]
    assert names == [good, *(["DICOMDIR"] if media else []), "MISSING.TXT"]
    first, line = found.read("MISSING.TXT").decode().splitlines()
    assert first.startswith("1 instances are not in this archive")
    assert bad in line
    assert "instance bad: What the store keeps of bad is" in line
    assert [one.instance_id for one in archive.left_out] == ["bad"]


class Watched:
    """An object store that counts how many reads are under way, and how many began."""

    def __init__(self, objects: FileObjects) -> None:
        self._objects = objects
        self.began = self.now = self.most = self.ended = 0

    async def read(self, key: UUID, size: int | None = None) -> bytes:
        self.began += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(0.01)
            return await self._objects.read(key, size)
        finally:
            self.now -= 1
            self.ended += 1


async def test_reads_ahead_a_little(catalog: FakeCatalog, file: Make) -> None:
    """Several objects are read at once, few before they are asked for, none after the client."""
    for number in range(40):
        await catalog.add(f"i{number}", file(number + 1))
    objects: Any = Watched(catalog.objects)
    with closing(Archives(catalog, objects, ArchiveSettings())) as archives:
        archive = await archives.open(ArchiveRequest(["s"]))
        async with aclosing(archive.pieces()) as pieces:
            await anext(pieces)
            await until(lambda: objects.most == FILES_AHEAD)
            await asyncio.sleep(0.1)
            assert objects.began <= FILES_AHEAD + 1
            assert objects.most == FILES_AHEAD
            await anext(pieces)
        assert objects.now == 0
        began = objects.began
        await asyncio.sleep(0.05)
        assert objects.began == began


async def test_archives_share_what_they_read_ahead(catalog: FakeCatalog, file: Make) -> None:
    """Where others hold all of it, an archive goes on with one file after the other; what was read
    for a client that went away is free again."""
    for number in range(20):
        await catalog.add(f"i{number}", file(number + 1))
    objects: Any = Watched(catalog.objects)
    size = len(file(1))
    ahead = ReadAhead(4 * size + size // 2)
    with closing(Archives(catalog, objects, ArchiveSettings(), ahead)) as archives:
        greedy = await archives.open(ArchiveRequest(["s"]))
        async with aclosing(greedy.pieces()) as held:
            await anext(held)
            assert (ahead.held, objects.most) == (4 * size, 4)
            modest = await archives.open(ArchiveRequest(["s"]))
            objects.most = 0
            async with aclosing(modest.pieces()) as pieces:
                assert len([piece async for piece in pieces]) > 20
            assert objects.most == 1
        assert ahead.held == 0


async def test_series_are_looked_up_when_it_is_their_turn(
    catalog: FakeCatalog, archives: Archives, file: Make
) -> None:
    """The list of a patient's instances is never in memory as a whole."""
    for number in range(60):
        await catalog.add(f"i{number}", file(number + 1), series=f"s{number}")
    archive = await archives.open(ArchiveRequest([f"s{number}" for number in range(60)]))
    async with aclosing(archive.pieces()) as pieces:
        await anext(pieces)
        assert catalog.series_read <= FILES_AHEAD + 2


async def test_memory_is_bounded(catalog: FakeCatalog, archives: Archives, file: Make) -> None:
    """160 MiB of large and small files pass in a small part of that."""
    pixels = bytes(4 << 20)
    for number in range(30):
        await catalog.add(f"i{number}", file(number + 1, PixelData=pixels))
    await catalog.add("large", file(99, PixelData=bytes(40 << 20)))
    archive = await archives.open(ArchiveRequest(["s"]))
    tracemalloc.start()
    try:
        async with aclosing(archive.pieces()) as pieces:
            size = sum([len(piece) async for piece in pieces])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 160 << 20
    assert peak < 48 << 20
