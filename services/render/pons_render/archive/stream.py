# SPDX-License-Identifier: Apache-2.0
"""A ZIP of instances as a stream: objects are read ahead, a little and in parallel."""

import asyncio
import os
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from pons.catalog import ArchivedSeries, Statistics, StoredObject
from pons.errors import DamagedObject, NotFound
from pons.jobs import ArchiveRequest
from pons.objects import SPOOL_ABOVE, Objects
from pons.objects.damage import notice
from pons.objects.stored_file import check_file, read_file, stream_file, verify_file
from pons.settings import ArchiveSettings
from pons_render.archive.bounds import Places, ReadAhead
from pons_render.archive.dicomdir import DicomDir, Summary, summarize
from pons_render.archive.plan import Catalog, File, files_of
from pons_render.archive.zip import Packer, Zip, pack

FILES_AHEAD = 16
BYTES_AHEAD = 16 << 20
"""What one archive reads before it is asked for, if all together may hold as much; a larger file
than `SPOOL_ABOVE` is streamed."""

REPORT = "MISSING.TXT"
"""What a permissive ZIP calls the list of what it lacks."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file that is ready to go into the ZIP."""

    file: File
    stored: StoredObject
    content: bytes | None = None
    """As it goes into the ZIP; None for a large file, which is read when it is its turn."""
    crc: int = 0
    method: int = 0
    summary: Summary | None = None
    """What a DICOMDIR says of it; None in an archive."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An instance that is not in the ZIP although the store has it: its object is damaged."""

    name: str
    instance_id: str
    reason: str


class Archives:
    """Makes archives of what the catalog and the object store have. Close it."""

    def __init__(
        self,
        catalog: Catalog,
        objects: Objects,
        settings: ArchiveSettings,
        read_ahead: ReadAhead | None = None,
    ) -> None:
        self._catalog = catalog
        self._objects = objects
        self._settings = settings
        self._read_ahead = read_ahead or ReadAhead()
        self.places = Places(settings.concurrent)
        # Apart from the default executor, where image requests read: deflate may take its time.
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, "pons-zip")

    async def open(self, request: ArchiveRequest) -> "Archive":
        """An archive that can be read once. What is unknown is left out."""
        series = await self._catalog.archive.series(request.resources)
        return Archive(self, request, series)

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)

    async def totals(self, request: ArchiveRequest, series: list[ArchivedSeries]) -> Statistics:
        return await self._catalog.archive.totals(series, request.resources)

    async def load_ahead(
        self, request: ArchiveRequest, series: list[ArchivedSeries]
    ) -> AsyncGenerator[Loaded | LeftOut | None]:
        """The files in order, several being read at once; None for one that was deleted since.

        Close it: what is being read ahead is dropped then.
        """
        ahead: deque[tuple[int, asyncio.Task[Loaded | LeftOut | None]]] = deque()
        held = 0

        def has_room(cost: int) -> bool:
            within = len(ahead) < FILES_AHEAD and held + cost <= BYTES_AHEAD
            return within and self._read_ahead.has_room(cost)

        try:
            async for file in files_of(request, self._catalog, series):
                size = file.instance.stored.size
                cost = size if size <= SPOOL_ABOVE else 0
                while ahead and not has_room(cost):
                    held -= ahead[0][0]
                    async with self._handing_over(*ahead.popleft()) as loaded:
                        yield loaded
                ahead.append((cost, asyncio.create_task(self._load(file, request))))
                held += cost
                self._read_ahead.take(cost)
            while ahead:
                async with self._handing_over(*ahead.popleft()) as loaded:
                    yield loaded
        finally:
            for cost, task in ahead:
                self._read_ahead.give_back(cost)
                task.cancel()
            await asyncio.gather(*(task for _, task in ahead), return_exceptions=True)

    @asynccontextmanager
    async def _handing_over(
        self, cost: int, task: "asyncio.Task[Loaded | LeftOut | None]"
    ) -> AsyncIterator[Loaded | LeftOut | None]:
        """What the task has read; its bytes count until whoever takes them asks for the next."""
        try:
            yield await task
        finally:
            self._read_ahead.give_back(cost)

    async def _load(self, file: File, request: ArchiveRequest) -> Loaded | LeftOut | None:
        stored = file.instance.stored
        while True:
            try:
                return await self._read(file, stored, request)
            except (NotFound, DamagedObject) as error:
                if isinstance(error, NotFound) or error.what == "missing":
                    found = await self._catalog.find_object(file.instance.instance_id)
                    if found is None:
                        return None
                    if found.object_key != stored.object_key:
                        stored = found  # replaced meanwhile
                        continue
                    notice(error)
                if not request.permissive:
                    raise
                return LeftOut(file.name, file.instance.instance_id, str(error))

    async def _read(self, file: File, stored: StoredObject, request: ArchiveRequest) -> Loaded:
        summary = None
        if request.media:
            summary = await self._catalog.headers.read(
                file.instance.instance_id, lambda found: summarize(found.json)
            )
            if summary is None:
                raise NotFound("The instance is gone")
        if stored.size > SPOOL_ABOVE:
            # What turns out to be damaged in its midst cannot be left out any more.
            check = verify_file if request.permissive else check_file
            await check(self._objects, stored)
            return Loaded(file, stored, summary=summary)
        content = await read_file(self._objects, stored)
        packed, crc, method = await self.run(pack, content, self._settings.compression)
        return Loaded(file, stored, packed, crc, method, summary)

    def pieces_of(self, stored: StoredObject) -> AsyncIterator[bytes]:
        """The DICOM file of an instance, piece by piece."""
        return stream_file(self._objects, stored)

    def packer(self) -> Packer:
        return Packer(self._settings.compression)

    async def run(self, call: Callable[..., T], *arguments: object) -> T:
        """What takes time and no waiting, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)


class Archive:
    """One ZIP; `instances` and `size` tell how far it is."""

    def __init__(
        self, archives: Archives, request: ArchiveRequest, series: list[ArchivedSeries]
    ) -> None:
        self._archives = archives
        self._request = request
        self._series = series
        self._zip = Zip(time.localtime())
        self.instances = 0
        self.uncompressed = 0
        """Bytes of the instances that are in the ZIP so far."""
        self.left_out: list[LeftOut] = []
        """What is damaged, when the request is permissive."""

    @property
    def size(self) -> int:
        """Bytes of the ZIP so far."""
        return self._zip.size

    async def totals(self) -> Statistics:
        """How many instances there are to archive, and their bytes."""
        return await self._archives.totals(self._request, self._series)

    async def pieces(self) -> AsyncGenerator[bytes]:
        """The bytes of the ZIP. Close it.

        Instances that were deleted meanwhile are left out. Raises `DamagedObject` for one whose
        object is lost or damaged: what was given before is no whole ZIP. When the request is
        permissive, it is left out and named in the file `REPORT`.
        """
        directory = DicomDir(extended=self._request.extended) if self._request.media else None
        async with aclosing(self._archives.load_ahead(self._request, self._series)) as loaded:
            async for one in loaded:
                if one is None:
                    continue
                if isinstance(one, LeftOut):
                    self.left_out.append(one)
                    continue
                if one.content is None:
                    async with aclosing(self._streamed(one)) as pieces:
                        async for piece in pieces:
                            yield piece
                else:
                    yield self._whole(one.file.name, one.content, one)
                if directory is not None and one.summary is not None:
                    directory.add(one.file.name, one.stored, one.summary)
                self.instances += 1
                self.uncompressed += one.stored.size
        if directory is not None:
            yield await self._stored("DICOMDIR", await self._archives.run(directory.encode))
        if self.left_out:
            yield await self._stored(REPORT, report(self.left_out))
        for piece in self._zip.finish():
            yield piece

    async def _stored(self, name: str, content: bytes) -> bytes:
        packed, crc, method = await self._archives.run(pack, content, "store")
        return self._zip.whole(name, packed, crc, len(content), method) + packed

    def _whole(self, name: str, content: bytes, one: Loaded) -> bytes:
        return self._zip.whole(name, content, one.crc, one.stored.size, one.method) + content

    async def _streamed(self, one: Loaded) -> AsyncGenerator[bytes]:
        yield self._zip.begin(one.file.name, one.stored.size)
        packer = self._archives.packer()
        async for piece in self._archives.pieces_of(one.stored):
            if packed := await self._archives.run(packer.add, piece):
                yield packed
        yield packer.finish() + self._zip.end(packer.crc, packer.packed, packer.size)


def report(left_out: list[LeftOut]) -> bytes:
    """What is not in a ZIP, for people."""
    lines = [f"{one.name}: instance {one.instance_id}: {one.reason}" for one in left_out]
    head = f"{len(lines)} instances are not in this archive, because the store lost or damaged them"
    return "".join(f"{line}\r\n" for line in (head, *lines)).encode()
