# SPDX-License-Identifier: Apache-2.0
"""Errors as HTTP and Orthanc tell them: one table, and the JSON that describes them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson

from pons.dicom.tag_names import UnknownTag
from pons.errors import (
    BadRequest,
    Conflict,
    DamagedObject,
    Forbidden,
    InvalidInstance,
    NotFound,
    OutOfResources,
    PonsError,
    ReadOnly,
    RemoteFailure,
    TooLarge,
    Unavailable,
    UnsupportedImage,
    nearest,
)
from pons.http.errors import STATUS
from pons_gateway.lua.scripts import LuaFailed
from pons_gateway.responses.answers import JSON_TYPE, Answer


class BadParameter(BadRequest):
    """A parameter's value is not of the kind that it must be."""


class BadJson(BadRequest):
    """The body is not the JSON that the route takes."""


class BadFrame(BadRequest):
    """The frame whose bytes or values are asked for is not there, or cannot be decoded."""


class BadRange(BadRequest):
    """The range that is asked for is not in the file."""


class CannotOrderSlices(PonsError):
    """Neither positions nor indices put the slices of a series in an order."""


class TooManyLogins(Unavailable):
    """Too many passwords wait to be verified."""


class UnknownItem(NotFound):
    """No modality, job or output of that name."""


class UnknownHost(Forbidden):
    """The request asks by a name that is not this store's."""


class WrongRevision(Conflict):
    """What is to be overwritten or removed has another revision than the one expected."""


@contextmanager
def telling_unknown_items() -> Iterator[None]:
    """Tell a modality, peer or job that is missing as Orthanc does: an item that is not there."""
    try:
        yield
    except NotFound as error:
        raise UnknownItem(error.message, error.details) from error


@dataclass(frozen=True, slots=True)
class OrthancError:
    """Orthanc's number and words for an error, and the HTTP status that it has there."""

    http: int
    status: int
    message: str


HTTP_STATUS: dict[type[PonsError], OrthancError] = {
    InvalidInstance: OrthancError(STATUS[InvalidInstance], 15, "Bad file format"),
    BadRequest: OrthancError(STATUS[BadRequest], 8, "Bad request"),
    BadJson: OrthancError(400, 15, "Bad file format"),
    BadFrame: OrthancError(400, 15, "Bad file format"),
    # Orthanc answers 500; a script that fails is no failure of the server either.
    LuaFailed: OrthancError(400, 2031, "Cannot execute a Lua command"),
    BadParameter: OrthancError(400, 5, "Bad type for a parameter"),
    # Orthanc answers 500; a word that the caller misspelled is no failure of the server.
    UnknownTag: OrthancError(400, 27, "Unknown DICOM tag"),
    NotFound: OrthancError(STATUS[NotFound], 17, "Unknown resource"),
    UnknownItem: OrthancError(404, 7, "Accessing an inexistent item"),
    Conflict: OrthancError(STATUS[Conflict], 46, "Duplicate resource"),
    WrongRevision: OrthancError(409, 43, "Bad revision number"),
    BadRange: OrthancError(416, 41, "Incorrect range request"),
    Forbidden: OrthancError(STATUS[Forbidden], 45, "Forbidden access"),
    UnknownHost: OrthancError(421, 45, "Forbidden access"),
    TooManyLogins: OrthancError(429, 16, "Timeout"),
    DamagedObject: OrthancError(
        STATUS[DamagedObject], 20, "Corrupted file (e.g. inconsistent MD5 hash)"
    ),
    ReadOnly: OrthancError(STATUS[ReadOnly], 22, "Cannot modify a read-only data structure"),
    TooLarge: OrthancError(STATUS[TooLarge], 4, "Not enough memory"),
    UnsupportedImage: OrthancError(
        STATUS[UnsupportedImage], 23, "Incompatible format of the images"
    ),
    RemoteFailure: OrthancError(STATUS[RemoteFailure], 9, "Error in the network protocol"),
    CannotOrderSlices: OrthancError(500, 2040, "Cannot order the slices of the series"),
    OutOfResources: OrthancError(STATUS[OutOfResources], 19, "The file storage is full"),
    Unavailable: OrthancError(STATUS[Unavailable], 36, "Database unavailable"),
}

LONGEST_DETAILS = 1000
"""Characters: details may quote what a client sent, which may be megabytes."""

RETRY_AFTER = {503: b"10", 429: b"1"}
"""Seconds that are told by status: what does not answer, or is busy, will not be so for ever."""

INTERNAL = OrthancError(500, -1, "Internal error")


def orthanc_error(error: BaseException) -> OrthancError:
    """The entry of an error's nearest class in the table; a bug is an internal error."""
    return nearest(HTTP_STATUS, error) or INTERNAL


def describe(
    error: OrthancError,
    details: str,
    method: str,
    uri: str,
    content_type: tuple[bytes, bytes],
    told: dict[str, Any] | None = None,
) -> Answer:
    """The answer that describes an error in Orthanc's JSON, with what is `told` beside."""
    described: dict[str, Any] = {
        "HttpError": HTTPStatus(error.http).phrase,
        "HttpStatus": error.http,
        "Message": error.message,
        "Method": method,
        "OrthancError": error.message,
        "OrthancStatus": error.status,
        "Uri": uri,
    }
    if details:
        described = {"Details": details[:LONGEST_DETAILS], **described}
    described |= told or {}
    body = orjson.dumps(described, option=orjson.OPT_INDENT_2)
    return Answer(body, error.http, content_type, *_more_headers(error))


def _more_headers(error: OrthancError) -> tuple[tuple[bytes, bytes], ...]:
    wait = RETRY_AFTER.get(error.http)
    return () if wait is None else ((b"retry-after", wait),)


def error_answer(error: BaseException, method: str, uri: str, *, describing: bool) -> Answer:
    """What to answer to a request that raised `error`."""
    entry = orthanc_error(error)
    if not describing:
        return Answer(b"", entry.http, *_more_headers(entry))
    if isinstance(error, PonsError):
        return describe(entry, str(error), method, uri, JSON_TYPE, error.told)
    return describe(entry, "The log tells more", method, uri, JSON_TYPE)
