# SPDX-License-Identifier: Apache-2.0
"""Pixel data that render has decoded, for those who do not take the syntax in which it is stored.

No sample changes: what was compressed without loss is what it was, and of what was not, the
receiver gets what it would decode itself. So the instance keeps its UIDs.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx
import msgspec

from pons.catalog import InstanceToSend
from pons.errors import (
    FAMILY,
    InvalidInstance,
    NotFound,
    PonsError,
    Unavailable,
    UnsupportedImage,
)
from pons.messages.frames import FRAME_LENGTHS, PIXEL_DATA, DecodedFrame
from pons.objects import Objects, Spool
from pons.objects.bodies import fill
from pons.sending.element_bytes import PIXEL_DATA as PIXEL_DATA_TAG
from pons.sending.element_bytes import NewElement

LONGEST = 0xFFFFFFFE
"""Bytes that the value of an element can have (PS3.5 7.1.1)."""
LONGEST_HEAD = 64 * 1024


class Decompression:
    """Asks render for the frames of an instance, which wait in a spool until they are sent."""

    def __init__(self, render: httpx.AsyncClient, objects: Objects) -> None:
        self._render = render
        self._objects = objects

    @asynccontextmanager
    async def __call__(self, instance: InstanceToSend) -> AsyncIterator[Mapping[int, NewElement]]:
        """The pixel data of the instance, and what its attributes then are.

        Raises `InvalidInstance` where it cannot be decoded, `NotFound` where it was replaced,
        `DamagedObject`, `Unavailable` where render does not answer, and `OutOfResources`.
        """
        path = PIXEL_DATA.format(id=instance.instance_id)
        asked = {"content": str(instance.object_key)}
        with self._objects.spool() as spool:
            try:
                async with self._render.stream("GET", path, params=asked) as answer:
                    if answer.status_code != 200:
                        raise await _refused(answer)
                    frames = _Frames(answer.aiter_bytes())
                    await fill(spool, frames.values())
            except httpx.TimeoutException as error:
                raise Unavailable("The render service takes too long") from error
            except httpx.TransportError as error:
                raise Unavailable("The render service does not answer, or broke off") from error
            except UnsupportedImage as error:
                raise InvalidInstance(
                    "Its pixels cannot be decompressed for those who take no compressed ones",
                    str(error),
                ) from error
            yield _elements(frames.told, spool)


async def _refused(answer: httpx.Response) -> PonsError:
    """What render could not do."""
    await answer.aread()
    if answer.headers.get("content-type") == "application/json":
        told = msgspec.json.decode(answer.content, type=dict[str, str])
        return FAMILY.get(told["error"], PonsError)(told["message"])
    if answer.status_code == 404:
        return NotFound("The instance was deleted or replaced meanwhile")
    if answer.status_code == 401:
        return Unavailable(
            "The render service refuses to be asked", "render.token has to be the same for all"
        )
    return Unavailable(f"The render service answered {answer.status_code}")


class _Frames:
    """The values in a stream of frames, all of which are alike and as many as the first says."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._unread = b""
        self._told: DecodedFrame | None = None

    @property
    def told(self) -> DecodedFrame:
        """What the frames are, once they have been read."""
        assert self._told is not None
        return self._told

    async def values(self) -> AsyncIterator[bytes]:
        """The values of all frames. Raises `UnsupportedImage` where one was not decoded."""
        number = 0
        while self._told is None or number < self._told.frames:
            left = await self._begin_frame(number)
            while left:
                piece = await self._take(left)
                left -= len(piece)
                yield piece
            number += 1

    async def _begin_frame(self, number: int) -> int:
        """Read the head of a frame; gives how many bytes its values have."""
        head_size: int
        size: int
        head_size, size = FRAME_LENGTHS.unpack(await self._exactly(FRAME_LENGTHS.size))
        if head_size > LONGEST_HEAD:
            raise Unavailable("The render service tells no frames: is it of another version?")
        told = msgspec.json.decode(await self._exactly(head_size), type=DecodedFrame)
        if told.error:
            raise UnsupportedImage(f"Frame {number + 1} cannot be decoded", told.error)
        if self._told is None:
            _require_room(told)
            self._told = told
        if told != self._told or size != told.size:
            raise UnsupportedImage(f"Frame {number + 1} is not of the same kind as the first")
        return size

    async def _exactly(self, count: int) -> bytes:
        taken = b""
        while len(taken) < count:
            taken += await self._take(count - len(taken))
        return taken

    async def _take(self, most: int) -> bytes:
        """The next bytes, some at least."""
        while not self._unread:
            try:
                self._unread = await anext(self._pieces)
            except StopAsyncIteration:
                raise Unavailable("The render service broke off") from None
        taken, self._unread = self._unread[:most], self._unread[most:]
        return taken


def _require_room(told: DecodedFrame) -> None:
    if told.frames * told.size > LONGEST:
        raise UnsupportedImage(
            f"Uncompressed it would have {told.frames * told.size} bytes of pixels",
            f"at most {LONGEST} fit into one instance",
        )


def _elements(told: DecodedFrame, spool: Spool) -> dict[int, NewElement]:
    """The pixel data and the attributes that tell how it is (PS3.3 C.7.6.3)."""
    interpretation = told.photometric_interpretation.encode()
    elements = {
        0x00280004: NewElement("CS", interpretation),
        0x00280100: _number(told.bits_allocated),
        0x00280101: _number(told.bits_stored),
        0x00280102: _number(told.high_bit),
        PIXEL_DATA_TAG: NewElement("OB" if told.bits_allocated <= 8 else "OW", spool),
    }
    if told.samples_per_pixel > 1:
        elements[0x00280006] = _number(0)
    if told.lossy:
        elements[0x00282110] = NewElement("CS", b"01")
    return elements


def _number(value: int) -> NewElement:
    return NewElement("US", value.to_bytes(2, "little"))
