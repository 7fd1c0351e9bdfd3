# SPDX-License-Identifier: Apache-2.0
"""Errors that reach the application, as answers: one handler for each family."""

from collections.abc import Iterable
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from pons.errors import NotFound, PonsError, log_text
from pons.limits.mistakes import sentence
from pons.objects.damage import notice
from pons_gateway.errors import (
    BadJson,
    BadParameter,
    describe,
    error_answer,
    orthanc_error,
)
from pons_gateway.responses.answers import PLAIN_TYPE, Answer, Answered

log = structlog.get_logger()


def add_handlers(app: FastAPI) -> None:
    """Let `app` answer errors as Orthanc does."""

    async def pons_error(request: Request, error: Any) -> Response:
        method, path = request.scope["method"], request.scope["path"]
        notice(error)
        if orthanc_error(error).http >= 500:
            log.warning("request failed", method=method, path=path, error=log_text(error))
        return error_answer(error, request.scope)

    async def invalid(request: Request, error: Any) -> Response:
        return await pons_error(request, in_our_words(error.errors()))

    async def http_error(request: Request, error: Any) -> Response:
        status: int = error.status_code
        if status == 404:
            # text/plain, so that no browser takes a path that was sent for HTML
            return describe(orthanc_error(NotFound("")), "", request.scope, PLAIN_TYPE)
        if status == 400:
            why = error.__cause__  # what reading the body raised, which FastAPI wraps
            wrong = BadJson("The body is not the JSON that is expected")
            return await pons_error(request, why if isinstance(why, PonsError) else wrong)
        headers = error.headers or {}
        return Answer(b"", status, *((k.encode(), v.encode()) for k, v in headers.items()))

    async def answered(_request: Request, error: Any) -> Response:
        answer: Response = error.answer
        return answer

    app.add_exception_handler(PonsError, pons_error)
    app.add_exception_handler(Answered, answered)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http_error)


def in_our_words(mistakes: Iterable[Any]) -> PonsError:
    """The first of pydantic's mistakes as Orthanc's error for it: a parameter, or the body."""
    mistake = next(iter(mistakes))
    kind, *where = mistake["loc"]
    told = sentence(mistake, tuple(where))
    if isinstance(original := mistake.get("ctx", {}).get("error"), PonsError):
        return original
    if kind != "body":
        return BadParameter(told)
    if mistake["type"] == "missing" and not where:
        return BadJson("The body is not the JSON that is expected", "it is empty")
    return BadJson("The body is not the JSON that is expected", told)
