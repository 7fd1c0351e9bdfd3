# SPDX-License-Identifier: Apache-2.0
"""The image routes of an instance, as the gateway forwards them; pixels come from the pool."""

import re
from collections.abc import Sequence
from typing import Protocol
from urllib.parse import parse_qs

import msgspec
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pons import errors
from pons.errors import DamagedObject, NotFound, PonsError, UnsupportedImage, log_text
from pons.objects import Objects
from pons.objects.damage import notice, telling
from pons.objects.stored_file import open_file
from pons_render.formats import Format, choose_format
from pons_render.image import Located, count_frames, read_image
from pons_render.pool import WorkerPool
from pons_render.syntaxes import raw_media_type
from pons_render.wire import Task

log = structlog.get_logger()

STATUS: dict[type[PonsError], int] = {
    errors.BadRequest: 400,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.ReadOnly: 403,
    errors.Conflict: 409,
    errors.DamagedObject: 500,
    errors.TooLarge: 413,
    errors.InvalidInstance: 415,
    errors.UnsupportedImage: 415,
    errors.RemoteFailure: 502,
    errors.Unavailable: 503,
    errors.OutOfResources: 507,
}

RAW_UNSUPPORTED = 400
"""What Orthanc answers for raw bytes or values that are not there; a picture's status is 415."""

DESCRIBED = (STATUS[UnsupportedImage], RAW_UNSUPPORTED, STATUS[DamagedObject])
"""The answers with a body: why there is no picture. The gateway puts it in Orthanc's form."""

VIEWS = ("preview", "image-uint8", "image-uint16", "image-int16")
SIXTEEN_BITS = ("image-uint16", "image-int16")
DEFAULT_QUALITY = 90
GZIP = "application/gzip"
WORTH_READING = 64 << 20
"""Bytes of an object of one frame that is read whole, so that its checksum can be compared."""
UNSUPPORTED_PICTURE = "app/images/unsupported.png"
"""Where `returnUnsupportedImage` sends a client, below the root of the REST API."""

_FRAME_NUMBER = re.compile(r"\+?[0-9]{1,20}")
_LARGEST_FRAME_NUMBER = 2**32 - 1


class Resources(Protocol):
    """What render reads: the index and the objects."""

    @property
    def objects(self) -> Objects: ...

    async def find(self, instance_id: str) -> Located | None:
        """Where an instance is, by its Orthanc identifier."""


def create_app(
    resources: Resources, pool: WorkerPool, other_routes: Sequence[Route] = ()
) -> Starlette:
    """The ASGI application; the caller opens and closes what it is given."""
    app = Starlette(
        routes=[
            Route("/instances/{id}/frames", _list_frames),
            Route("/instances/{id}/frames/{frame}/raw", _raw_frame),
            Route("/instances/{id}/frames/{frame}/raw.gz", _raw_frame),
            Route("/instances/{id}/frames/{frame}/matlab", _matlab),
            Route("/instances/{id}/matlab", _matlab),
            Route("/instances/{id}/frames/{frame}/{view}", _picture),
            Route("/instances/{id}/{view}", _picture),
            *other_routes,
        ],
        exception_handlers={HTTPException: _without_body, PonsError: _refuse},
    )
    app.state.resources, app.state.pool = resources, pool
    return app


async def _list_frames(request: Request) -> Response:
    frames = count_frames(await _find(request))
    listing = ",".join(map(str, range(frames)))
    return Response(f"[{listing}]", media_type="application/json; charset=utf-8")


async def _raw_frame(request: Request) -> Response:
    frame = _frame_number(request)
    located = await _find(request)
    compressed = request.url.path.endswith(".gz")
    try:
        data = await _run(request, located, "raw.gz" if compressed else "raw", frame)
    except UnsupportedImage as error:
        return _refusal(request, error, RAW_UNSUPPORTED)
    own = raw_media_type(located.transfer_syntax)
    return Response(data, media_type=GZIP if compressed else own)


async def _matlab(request: Request) -> Response:
    frame = _frame_number(request)
    located = await _find(request)
    try:
        data = await _run(request, located, "matlab", frame)
    except UnsupportedImage as error:
        return _refusal(request, error, RAW_UNSUPPORTED)
    return Response(data, media_type="text/plain")


async def _picture(request: Request) -> Response:
    view = request.path_params["view"]
    frame = _frame_number(request)
    output = choose_format(request.headers.get("accept"))
    if view not in VIEWS or output is None:
        return Response(status_code=404)
    located = await _find(request)
    quality = _quality(request)
    if output is Format.JPEG and view in SIXTEEN_BITS:
        raise UnsupportedImage("JPEG is for pictures of 8 bits")
    data = await _run(request, located, view, frame, output, quality)
    return Response(data, media_type=output.value)


async def _find(request: Request) -> Located:
    resources: Resources = request.app.state.resources
    located = await resources.find(request.path_params["id"])
    if located is None:
        raise NotFound("There is no such instance")
    return located


async def _run(
    request: Request,
    located: Located,
    operation: str,
    frame: int,
    output: Format = Format.PNG,
    quality: int = DEFAULT_QUALITY,
) -> bytes:
    """What a worker makes of one frame. When the object is missing it looks again: the instance
    may have been deleted or replaced meanwhile."""
    try:
        return await _run_once(request, located, operation, frame, output, quality)
    except DamagedObject as error:
        found = await _find(request) if error.what == "missing" else located
        if found.object_key == located.object_key:
            notice(error)
            raise
    return await _run_once(request, found, operation, frame, output, quality)


async def _run_once(
    request: Request,
    located: Located,
    operation: str,
    frame: int,
    output: Format,
    quality: int,
) -> bytes:
    objects: Objects = request.app.state.resources.objects
    pool: WorkerPool = request.app.state.pool
    image = read_image(located)
    if frame >= image.number_of_frames:
        raise UnsupportedImage(f"There is no frame {frame}, the image has {image.number_of_frames}")
    with telling(located):
        async with open_file(objects, located) as file:
            path = str(file.path) if file.path else ""
            task = Task(operation, image, frame, located.size, path, output, quality)
            if image.number_of_frames == 1 and located.size <= WORTH_READING:
                task = msgspec.structs.replace(task, checksum=located.checksum)
            return await pool.run(task, file.read_range)


def _frame_number(request: Request) -> int:
    """The frame of the route, 0 without one; `NotFound` for what is no unsigned 32-bit number."""
    text = request.path_params.get("frame", "0")
    if not _FRAME_NUMBER.fullmatch(text) or int(text) > _LARGEST_FRAME_NUMBER:
        raise NotFound("A frame number is an integer")
    return int(text)


def _quality(request: Request) -> int:
    """`quality` of a JPEG; Orthanc checks it for the other formats too, and answers 415."""
    text = request.query_params.get("quality")
    if text is None:
        return DEFAULT_QUALITY
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= 100:
        raise UnsupportedImage("quality is a number from 1 to 100")
    return int(text)


def _wants_unsupported_picture(request: Request) -> bool:
    arguments = parse_qs(request.url.query, keep_blank_values=True)
    value = arguments.get("returnUnsupportedImage", ["0"])[0]
    return value not in ("0", "false")


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, PonsError)
    return _refusal(request, error, STATUS[type(error)])


def _refusal(request: Request, error: PonsError, status: int) -> Response:
    log.info("picture refused", path=request.url.path, status=status, reason=log_text(error))
    if status == STATUS[UnsupportedImage] and _wants_unsupported_picture(request):
        # Relative, so that it holds behind a proxy that serves the store below another path.
        up = "../" * request.url.path.strip("/").count("/")
        return Response(status_code=307, headers={"location": up + UNSUPPORTED_PICTURE})
    if status not in DESCRIBED:
        return Response(status_code=status)
    told = {"error": type(error).__name__, "message": str(error)}
    return Response(msgspec.json.encode(told), status, media_type="application/json")


async def _without_body(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return Response(status_code=error.status_code, headers=error.headers)
