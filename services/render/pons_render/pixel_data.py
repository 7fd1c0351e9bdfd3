# SPDX-License-Identifier: Apache-2.0
"""All frames of a compressed instance, uncompressed: some to whom it is sent take no other.

What would be guessed for a picture is refused here: another size, number of samples or sign than
the header has, for these stay as they are.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

import msgspec
import structlog

from pons.errors import NotFound, UnsupportedImage, log_text
from pons.messages.frames import FRAME_LENGTHS, DecodedFrame
from pons.objects.damage import notice
from pons_render.answer import Answer
from pons_render.frame_stream import TOLD
from pons_render.image import read_image
from pons_render.pictures import Opened, Pictures
from pons_render.wire import DECODED, Task

log = structlog.get_logger()


async def stream_pixel_data(
    pictures: Pictures, instance: str, content: str, ahead: int
) -> AsyncGenerator[bytes, None]:
    """The frames with their heads (`pons.messages.frames.DecodedFrame`); `ahead` of them are
    decoded before their turn. One that cannot be decoded is the last, and says why.

    Raises `UnsupportedImage`, `NotFound`, `DamagedObject` before the first.
    """
    located = await pictures.locate(instance)
    if str(located.object_key) != content:
        raise NotFound("The instance was replaced meanwhile")
    image = read_image(located)
    if not image.encapsulated:
        raise UnsupportedImage("The pixel data is not compressed")
    async with pictures.opened(located) as opened:
        tasks = (
            Task(DECODED, image, frame, located.size) for frame in range(image.number_of_frames)
        )
        async with aclosing(_in_order(opened, tasks, ahead)) as frames:
            try:
                async for frame in frames:
                    with frame:
                        async for piece in frame.pieces():
                            yield piece
            except TOLD as error:
                notice(error)
                log.info("pixel data refused", instance=instance, reason=log_text(error))
                yield _refused(str(error))


def _refused(why: str) -> bytes:
    """What stands for a frame that cannot be decoded."""
    text = msgspec.json.encode(DecodedFrame(0, 0, 0, 0, "", 0, 0, 0, 0, lossy=False, error=why))
    return FRAME_LENGTHS.pack(len(text), 0) + text


async def _in_order(
    opened: Opened, tasks: Iterable[Task], ahead: int
) -> AsyncGenerator[Answer, None]:
    """What workers make of the tasks, the first few at once; each is the caller's to close."""
    begun: deque[asyncio.Task[Answer]] = deque()
    try:
        for task in tasks:
            begun.append(asyncio.create_task(opened.make(task)))
            if len(begun) > ahead:
                yield await begun[0]
                begun.popleft()
        while begun:
            yield await begun[0]
            begun.popleft()
    finally:
        await _forget(begun)


async def _forget(begun: deque[asyncio.Task[Answer]]) -> None:
    """End what nobody will read."""
    for one in begun:
        one.cancel()
    for one in begun:
        await asyncio.wait((one,))
        if not one.cancelled() and one.exception() is None:
            one.result().close()
