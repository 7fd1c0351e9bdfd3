# SPDX-License-Identifier: Apache-2.0
"""The image routes of an instance, as the gateway passes them on."""

from fastapi import APIRouter, Response

from pons.errors import UnsupportedImage
from pons.messages.views import ABOUT_FRAMES, FRAMES, VIEWS
from pons_render.answer import Sent
from pons_render.dependencies import FormatDep, FrameDep, InstanceDep, QualityDep, ViewDep
from pons_render.error_handlers import NoValues
from pons_render.formats import Format
from pons_render.image import count_frames
from pons_render.syntaxes import raw_media_type

SIXTEEN_BITS = ("image-uint16", "image-int16")

router = APIRouter(tags=["Images"])


@router.get(FRAMES, summary=ABOUT_FRAMES)
async def list_frames(instance: InstanceDep) -> Response:
    """Numbers from 0; an instance without pixels has frame 0, as in Orthanc."""
    listing = ",".join(map(str, range(count_frames(instance.located))))
    return Response(f"[{listing}]", media_type="application/json; charset=utf-8")


async def picture(
    view: ViewDep, frame: FrameDep, output: FormatDep, instance: InstanceDep, quality: QualityDep
) -> Response:
    """A picture as PNG, JPEG or PAM. Raises `UnsupportedImage` where there is none."""
    if output is Format.JPEG and view.name in SIXTEEN_BITS:
        raise UnsupportedImage("JPEG is for pictures of 8 bits")
    return Sent(await instance.see(view.name, frame, output, quality), output.value)


async def values(view: ViewDep, frame: FrameDep, instance: InstanceDep) -> Response:
    """A frame's bytes or values. Raises `NoValues` where they cannot be found."""
    try:
        answer = await instance.see(view.name, frame)
    except UnsupportedImage as error:
        raise NoValues(error.message, error.details) from error
    own = raw_media_type(instance.located.transfer_syntax)
    return Sent(answer, own if view.name == "raw" else view.media_type)


for view in VIEWS:
    for path in view.paths:
        router.get(path, summary=view.summary)(picture if view.is_picture else values)
