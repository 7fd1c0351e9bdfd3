# SPDX-License-Identifier: Apache-2.0
"""From an instance to what is seen of its frames: where it lies, and a worker that makes it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import msgspec

from pons.errors import DamagedObject, NotFound, UnsupportedImage
from pons.objects import Objects
from pons.objects.damage import notice, telling
from pons.objects.stored_file import OpenFile, open_file
from pons_render.answer import Answer
from pons_render.formats import Format
from pons_render.frame_attributes import FrameAttributes
from pons_render.image import Image, Located, read_image
from pons_render.pool import ReadRange, WorkerPool
from pons_render.source import READ_AHEAD
from pons_render.wire import THUMBNAIL, Task

DEFAULT_QUALITY = 90
WORTH_READING = 64 << 20
"""Bytes of an object of one frame that is read whole, so that its checksum can be compared."""

FETCHED_AHEAD = 32
"""Small objects that are held at once, fetched before a worker is free for them."""


class Instances(Protocol):
    """What render reads: the index and the objects."""

    @property
    def objects(self) -> Objects: ...

    async def find(self, instance_id: str) -> Located | None:
        """Where an instance is, by its Orthanc identifier."""

    async def find_frames(
        self, instance_id: str, frames: range
    ) -> tuple[Located, tuple[FrameAttributes, ...]] | None:
        """The same, and what its header says of these frames. Raises `UnsupportedImage`."""


class Pictures:
    """Views of the frames of instances."""

    def __init__(self, instances: Instances, pool: WorkerPool) -> None:
        self._instances = instances
        self._pool = pool
        self._fetched = asyncio.Semaphore(FETCHED_AHEAD)

    async def find(self, instance_id: str) -> "Instance":
        """The instance, to be seen. Raises `NotFound`."""
        return Instance(self, instance_id, await self.locate(instance_id))

    async def locate(self, instance_id: str) -> Located:
        """Where it is now. Raises `NotFound`."""
        located = await self._instances.find(instance_id)
        if located is None:
            raise NotFound("There is no such instance")
        return located

    async def find_frames(
        self, instance_id: str, frames: range
    ) -> tuple[Located, tuple[FrameAttributes, ...]]:
        """Where an instance is, and what its header says of these frames.

        Raises `NotFound`, and `UnsupportedImage`.
        """
        found = await self._instances.find_frames(instance_id, frames)
        if found is None:
            raise NotFound("There is no such instance")
        return found

    @asynccontextmanager
    async def opened(self, located: Located) -> AsyncIterator["Opened"]:
        """The object of an instance for as many frames as are asked of it in the block.

        Raises `DamagedObject` when the object is not what it was.
        """
        with telling(located):
            async with open_file(self._instances.objects, located) as file:
                yield Opened(self._pool, self._fetched, located, file)

    async def make(self, located: Located, task: Task) -> Answer:
        """What a worker makes of `task`, of an object that is opened for it alone.

        Raises `UnsupportedImage`, and `DamagedObject` when the object is not what it was.
        """
        async with self.opened(located) as opened:
            return await opened.make(task)


class Opened:
    """An object that workers read."""

    def __init__(
        self, pool: WorkerPool, fetched: asyncio.Semaphore, located: Located, file: OpenFile
    ) -> None:
        self._pool = pool
        self._fetched = fetched
        self._file = file
        self.located = located

    def is_fetched_first(self, image: Image) -> bool:
        """Whether the whole object comes from S3 before it is a worker's turn: the worker would
        wait for it, and all others."""
        is_small = image.number_of_frames == 1 and self.located.size <= READ_AHEAD
        return is_small and self._file.path is None

    async def make(self, task: Task) -> Answer:
        """What a worker makes of `task`, which this completes by how the object is read.

        Raises `UnsupportedImage`, and `DamagedObject` when the object is not what it was.
        """
        path = str(self._file.path) if self._file.path else ""
        task = msgspec.structs.replace(task, path=path)
        if task.image.number_of_frames == 1 and self.located.size <= WORTH_READING:
            task = msgspec.structs.replace(task, checksum=self.located.checksum)
        with telling(self.located):
            if not self.is_fetched_first(task.image) or self._fetched.locked():
                return await self._pool.run(task, self._file.read_range)
            async with self._fetched:
                content = await self._file.read_range(0, self.located.size)
                return await self._pool.run(task, _reading(content))


def _reading(content: bytes) -> ReadRange:
    async def read(start: int, length: int) -> bytes:
        return content[start : start + length]

    return read


class Instance:
    """An instance that was found, and what can be seen of it."""

    def __init__(self, pictures: Pictures, instance_id: str, located: Located) -> None:
        self._pictures = pictures
        self._id = instance_id
        self.located = located

    async def see(
        self,
        operation: str,
        frame: int,
        output: Format = Format.PNG,
        quality: int = DEFAULT_QUALITY,
    ) -> Answer:
        """What a worker makes of one frame. When the object is missing it looks again: the
        instance may have been deleted or replaced meanwhile.

        Raises `UnsupportedImage`, `NotFound`, and `DamagedObject`.
        """
        try:
            return await self._see(operation, frame, output, quality)
        except DamagedObject as error:
            missing = error.what == "missing"
            found = await self._pictures.locate(self._id) if missing else self.located
            if found.object_key == self.located.object_key:
                notice(error)
                raise
        self.located = found
        return await self._see(operation, frame, output, quality)

    async def see_small(self, frame: int, edge: int, output: Format) -> Answer:
        """A small picture of a frame, as people would see it.

        Raises `UnsupportedImage`, `NotFound`, and `DamagedObject`.
        """
        frames = range(frame, frame + 1)
        located, (attributes,) = await self._pictures.find_frames(self._id, frames)
        image = read_image(located)
        require_frame(image, frame)
        task = Task(
            THUMBNAIL, image, frame, located.size, output=output, attributes=attributes, edge=edge
        )
        return await self._pictures.make(located, task)

    async def _see(self, operation: str, frame: int, output: Format, quality: int) -> Answer:
        image = read_image(self.located)
        require_frame(image, frame)
        task = Task(operation, image, frame, self.located.size, output=output, quality=quality)
        return await self._pictures.make(self.located, task)


def require_frame(image: Image, frame: int) -> None:
    """Raise `UnsupportedImage` for a frame past the last."""
    frames = image.number_of_frames
    if frame >= frames:
        raise UnsupportedImage(f"There is no frame {frame}, the image has {frames}")
