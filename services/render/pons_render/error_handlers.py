# SPDX-License-Identifier: Apache-2.0
"""Errors that reach the application, as answers to the gateway."""

from typing import Any
from urllib.parse import parse_qs

import msgspec
import structlog
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from pons.errors import (
    BadRequest,
    DamagedObject,
    PonsError,
    Unavailable,
    UnsupportedImage,
    family_name,
    kind_name,
    log_text,
)
from pons.http.errors import STATUS as COMMON
from pons.http.errors import http_status

log = structlog.get_logger()


class NoValues(UnsupportedImage):
    """The frame whose bytes or values are asked for is not there, or cannot be decoded."""


STATUS = COMMON | {NoValues: 400}  # as Orthanc answers; a picture's status is 415

DESCRIBED = (UnsupportedImage, DamagedObject, BadRequest, Unavailable)
"""The errors whose answer says why, which the gateway puts in Orthanc's form."""

UNSUPPORTED_PICTURE = "app/images/unsupported.png"
"""Where `returnUnsupportedImage` sends a client, below the root of the REST API."""


def add_handlers(app: FastAPI) -> None:
    """Let `app` answer errors as the gateway expects them."""
    app.add_exception_handler(PonsError, pons_error)
    app.add_exception_handler(HTTPException, http_error)


def told(error: PonsError, status: int) -> Response:
    """The answer that names an error, as far as others know it, and says why."""
    body = {"error": family_name(error), "kind": kind_name(error), "message": str(error)}
    return Response(msgspec.json.encode(body), status, media_type="application/json")


async def pons_error(request: Request, error: Any) -> Response:
    """An error of the family."""
    status = http_status(error, STATUS)
    log.info("request refused", path=request.url.path, status=status, reason=log_text(error))
    if status == STATUS[UnsupportedImage] and wants_unsupported_picture(request):
        # Relative, so that it holds behind a proxy that serves the store below another path.
        up = "../" * request.url.path.strip("/").count("/")
        return Response(status_code=307, headers={"location": up + UNSUPPORTED_PICTURE})
    return told(error, status) if isinstance(error, DESCRIBED) else Response(status_code=status)


async def http_error(_request: Request, error: Any) -> Response:
    """What FastAPI refuses: unknown paths, other methods."""
    return Response(status_code=error.status_code, headers=error.headers)


def wants_unsupported_picture(request: Request) -> bool:
    """Whether a client asks for a picture that says that there is none."""
    arguments = parse_qs(request.url.query, keep_blank_values=True)
    value = arguments.get("returnUnsupportedImage", ["0"])[0]
    return value not in ("0", "false")
