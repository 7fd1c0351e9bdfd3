# SPDX-License-Identifier: Apache-2.0
"""Many frames, one record after the other; a few are decoded ahead, each as bounded as a picture.

A frame that cannot be decoded is a record that says why, and the others follow. Only what concerns
all of them ends a stream: a database or object store that does not answer.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field

import structlog

from pons.errors import DamagedObject, NotFound, PonsError, UnsupportedImage, log_text
from pons.messages.frames import FramesRequest, Run
from pons.objects.damage import notice
from pons_render.answer import Answer
from pons_render.frame_attributes import FrameAttributes
from pons_render.image import Image, read_image
from pons_render.pictures import Opened, Pictures, require_frame
from pons_render.record_head import begin_record
from pons_render.wire import RECORD, Task

log = structlog.get_logger()

Head = dict[str, int | str]
FRAMES_AHEAD = 8
"""Frames that are under way at once where each has to be fetched first, and is `SMALL`."""
SMALL = 1 << 20
"""Bytes of a frame of which several may wait, decoded, for their turn."""
TOLD = (UnsupportedImage, DamagedObject, NotFound)
"""The errors that concern a frame or an instance alone."""


@dataclass(slots=True)
class Pending:
    """A frame that is being decoded, or could not be."""

    head: Head
    answer: asyncio.Task[Answer] | None = None
    ahead: int = 0
    """How many may be under way before it, at least."""
    error: PonsError | None = None
    file: AsyncExitStack = field(default_factory=AsyncExitStack)
    """What is closed after it: the file, where this is the last frame of it."""


async def stream_frames(
    pictures: Pictures, asked: FramesRequest, ahead: int
) -> AsyncGenerator[bytes, None]:
    """The records of the frames, `ahead` of which are decoded before their turn; some more where
    the way from the object store takes longer than that.

    Raises `Unavailable`, and `NotFound` for nothing: an instance that is gone has a record.
    """
    is_kept: bool | None = None if asked.kept else False
    async with aclosing(_settled(pictures, asked, ahead)) as settled:
        async for one in settled:
            if is_kept is None:
                is_kept = one.error is None
            if is_kept and one.error is not None:
                await _forget(one)
                return
            async for piece in _record(one):
                yield piece


async def _settled(
    pictures: Pictures, asked: FramesRequest, ahead: int
) -> AsyncGenerator[Pending, None]:
    """The frames in their order, each once it is known whether it can be shown."""
    pending: deque[Pending] = deque()
    async with aclosing(_begun(pictures, asked)) as begun:
        try:
            async for one in begun:
                pending.append(one)
                while len(pending) > max(ahead, one.ahead):
                    yield await _settle(pending.popleft())
            while pending:
                yield await _settle(pending.popleft())
        finally:
            for one in pending:
                await _forget(one)


async def _begun(pictures: Pictures, asked: FramesRequest) -> AsyncGenerator[Pending, None]:
    """The frames, each begun when it is asked for."""
    place = asked.start
    for run in asked.runs:
        frames = range(run.first, run.first + run.count)
        heads = [_head(run, frame, place + n) for n, frame in enumerate(frames)]
        place += run.count
        async with AsyncExitStack() as holding:
            try:
                located, attributes = await pictures.find_frames(run.instance, frames)
                if str(located.object_key) != run.content:
                    raise NotFound("The instance was replaced meanwhile")
                image = read_image(located)
                opened = await holding.enter_async_context(pictures.opened(located))
            except TOLD as error:
                if isinstance(error, DamagedObject):
                    notice(error)
                for head in heads:
                    yield Pending(head, error=error)
                continue
            for head, told in zip(heads, attributes, strict=True):
                one = _begin(head, opened, image, told)
                if head is heads[-1]:
                    one.file = holding.pop_all()
                yield one


def _head(run: Run, frame: int, place: int) -> Head:
    return {"Slice": place, "Instance": run.instance, "Frame": frame, "Content": run.content}


def _begin(head: Head, opened: Opened, image: Image, attributes: FrameAttributes) -> Pending:
    frame = int(head["Frame"])
    try:
        require_frame(image, frame)
    except UnsupportedImage as error:
        return Pending(head, error=error)
    task = Task(RECORD, image, frame, opened.located.size, attributes=attributes, head=head)
    is_light = opened.is_fetched_first(image) and image.decoded_bytes <= SMALL
    made = asyncio.create_task(opened.make(task))
    return Pending(head, made, FRAMES_AHEAD if is_light else 0)


async def _settle(one: Pending) -> Pending:
    """Wait for a frame; what concerns it alone is its error."""
    if one.answer is not None:
        try:
            await one.answer
        except TOLD as failure:
            one.error = failure
            if isinstance(failure, DamagedObject):
                notice(failure)
        except BaseException:
            await _forget(one)
            raise
    return one


async def _record(one: Pending) -> AsyncIterator[bytes]:
    """The record of a frame that has been waited for."""
    async with one.file:
        if one.error is not None:
            log.info("frame refused", instance=one.head["Instance"], reason=log_text(one.error))
            yield begin_record(one.head | {"Error": str(one.error)})
            return
        assert one.answer is not None
        with one.answer.result() as answer:
            async for piece in answer.pieces():
                yield piece


async def _forget(one: Pending) -> None:
    """End what nobody will read."""
    async with one.file:
        if one.answer is None:
            return
        one.answer.cancel()
        await asyncio.wait((one.answer,))
        if not one.answer.cancelled() and one.answer.exception() is None:
            one.answer.result().close()
