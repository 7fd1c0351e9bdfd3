# SPDX-License-Identifier: Apache-2.0
"""Many frames in one answer, and a small picture of one."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated

import structlog
from fastapi import APIRouter, Path, Response
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from pons.errors import PonsError, log_text
from pons.messages.frames import FRAME_STREAM, NEVER_KEPT, PIXEL_DATA, THUMBNAIL
from pons_render.answer import Sent
from pons_render.dependencies import (
    EdgeDep,
    FormatDep,
    FrameDep,
    FramesRequestDep,
    InstanceDep,
    ResourcesDep,
)
from pons_render.frame_stream import stream_frames
from pons_render.pixel_data import stream_pixel_data
from pons_render.record_head import is_refusal

log = structlog.get_logger()

LONGEST_REQUEST = 16 << 20
"""Bytes of a request, which names some 130,000 instances."""
OCTETS = "application/octet-stream"

router = APIRouter(tags=["Frames"])


@router.post(FRAME_STREAM, summary="Frames, one after the other", max_body_size=LONGEST_REQUEST)
async def frames(asked: FramesRequestDep, resources: ResourcesDep) -> Response:
    """Each as a record: see docs/frames.md."""
    frames = stream_frames(resources.pictures, asked, resources.frames_ahead)
    return await _begun(frames, kept=asked.kept)


@router.get(PIXEL_DATA, summary="All frames, uncompressed")
async def pixel_data(
    instance_id: Annotated[str, Path(alias="id")], content: str, resources: ResourcesDep
) -> Response:
    """Each with a head. Raises `UnsupportedImage` where the instance has no compressed pixels."""
    return await _begun(
        stream_pixel_data(resources.pictures, instance_id, content, resources.frames_ahead)
    )


@router.get(THUMBNAIL, summary="A small picture of a frame")
async def thumbnail(
    frame: FrameDep, output: FormatDep, size: EdgeDep, instance: InstanceDep
) -> Response:
    """PNG, JPEG or PAM. Raises `UnsupportedImage` where there is none."""
    return Sent(await instance.see_small(frame, size, output), output.value)


async def _begun(records: AsyncGenerator[bytes, None], *, kept: bool = False) -> Response:
    """The answer, once its first record is there; nobody keeps one that begins with a refusal."""
    try:
        first = await anext(records, b"")
    except BaseException:
        await records.aclose()
        raise
    return Records(first, records, never_kept=kept and is_refusal(first))


class Records(StreamingResponse):
    """Records as they are made; what is decoded ahead ends with the answer."""

    def __init__(
        self, first: bytes, others: AsyncGenerator[bytes, None], *, never_kept: bool
    ) -> None:
        headers = {"cache-control": NEVER_KEPT} if never_kept else None
        super().__init__(_resumed(first, others), media_type=OCTETS, headers=headers)
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._others):
            try:
                await super().__call__(scope, receive, send)
            except PonsError as error:
                # The server breaks the connection of an answer that is not completed.
                log.warning("frames broken off", reason=log_text(error))


async def _resumed(first: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in others:
        yield piece
