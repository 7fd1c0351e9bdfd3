# SPDX-License-Identifier: Apache-2.0
"""Errors as HTTP and Orthanc tell them: one table, and the JSON that describes them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

import orjson
from starlette.types import Scope

from pons import errors
from pons.dicom.tag_names import UnknownTag
from pons.errors import PonsError
from pons.http.errors import ORTHANC, STATUS, http_status
from pons.passwords.queue import TooManyLogins
from pons_gateway.lua.scripts import LuaFailed
from pons_gateway.responses.answers import JSON_TYPE, Answer

Found = TypeVar("Found")


class BadParameter(errors.BadRequest):
    """A parameter's value is not of the kind that it must be."""


class BadJson(errors.BadRequest):
    """The body is not the JSON that the route takes."""


class BadFrame(errors.BadRequest):
    """The frame whose bytes or values are asked for is not there, or cannot be decoded."""


class BadRange(errors.BadRequest):
    """The range that is asked for is not in the file."""


class CannotOrderSlices(PonsError):
    """Neither positions nor indices put the slices of a series in an order."""


class CannotProcess(errors.RemoteFailure):
    """A modality has understood what it was asked, and cannot do it: mostly the query is wrong."""


class UnknownItem(errors.NotFound):
    """No modality, job or output of that name."""


class Unauthorized(errors.Forbidden):
    """Nobody the store knows asks, or who logs in has no right password."""


class UnknownHost(errors.Forbidden):
    """The request asks by a name that is not this store's."""


class WrongRevision(errors.Conflict):
    """What is to be overwritten or removed has another revision than the one expected."""


@contextmanager
def telling_unknown_items() -> Iterator[None]:
    """Tell a modality, peer or job that is missing as Orthanc does: an item that is not there."""
    try:
        yield
    except errors.NotFound as error:
        raise UnknownItem(error.message, error.details) from error


def known(found: Found | None) -> Found:
    """What was found. Raises `NotFound` where there is nothing."""
    if found is None:
        raise errors.NotFound("Unknown resource")
    return found


HTTP_STATUS = STATUS | {
    Unauthorized: 401,
    BadRange: 416,
    UnknownHost: 421,
    CannotProcess: 422,
    TooManyLogins: 429,
}
"""The status of each error; of one that is not here, that of its family.

Orthanc answers 500 for `LuaFailed` and `UnknownTag`: neither is a failure of the server.
"""

NUMBER_AND_WORDS = ORTHANC | {
    BadJson: (15, "Bad file format"),
    BadFrame: (15, "Bad file format"),
    LuaFailed: (2031, "Cannot execute a Lua command"),
    BadParameter: (5, "Bad type for a parameter"),
    UnknownTag: (27, "Unknown DICOM tag"),
    UnknownItem: (7, "Accessing an inexistent item"),
    WrongRevision: (43, "Bad revision number"),
    Unauthorized: (29, "Bad credentials were provided to an HTTP request"),
    BadRange: (41, "Incorrect range request"),
    TooManyLogins: (16, "Timeout"),
    CannotOrderSlices: (2040, "Cannot order the slices of the series"),
}
"""Orthanc's number and words for each error."""


@dataclass(frozen=True, slots=True)
class OrthancError:
    """Orthanc's number and words for an error, and the HTTP status that it has there."""

    http: int
    status: int
    message: str


LONGEST_DETAILS = 1000
"""Characters: details may quote what a client sent, which may be megabytes."""

RETRY_AFTER = {503: b"10", 429: b"1"}
"""Seconds that are told by status: what does not answer, or is busy, will not be so for ever."""

INTERNAL = (-1, "Internal error")


def orthanc_error(error: BaseException) -> OrthancError:
    """What an error's nearest class has in the tables; a bug is an internal error."""
    number_and_words = errors.nearest(NUMBER_AND_WORDS, error) or INTERNAL
    return OrthancError(http_status(error, HTTP_STATUS), *number_and_words)


def describe(
    error: OrthancError,
    details: str,
    scope: Scope,
    content_type: tuple[bytes, bytes] = JSON_TYPE,
    told: dict[str, Any] | None = None,
) -> Answer:
    """The answer that describes an error in Orthanc's JSON, with what is `told` beside.

    It has no body where `http.describe_errors` says so.
    """
    wait = RETRY_AFTER.get(error.http)
    headers = [] if wait is None else [(b"retry-after", wait)]
    if not scope["app"].state.describes_errors:
        return Answer(b"", error.http, *headers)
    described: dict[str, Any] = {
        "HttpError": HTTPStatus(error.http).phrase,
        "HttpStatus": error.http,
        "Message": error.message,
        "Method": scope["method"],
        "OrthancError": error.message,
        "OrthancStatus": error.status,
        "Uri": scope["path"],
    }
    if details:
        described = {"Details": details[:LONGEST_DETAILS], **described}
    described |= told or {}
    body = orjson.dumps(described, option=orjson.OPT_INDENT_2)
    return Answer(body, error.http, content_type, *headers)


def error_answer(error: BaseException, scope: Scope) -> Answer:
    """What to answer to a request that raised `error`."""
    entry = orthanc_error(error)
    if isinstance(error, PonsError):
        return describe(entry, str(error), scope, told=error.told)
    return describe(entry, "The log tells more", scope)
