# SPDX-License-Identifier: Apache-2.0
"""The HTTP status of each error: what the gateway tells clients, and render the gateway."""

from http import HTTPStatus

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

STATUS: dict[type[PonsError], int] = {
    InvalidInstance: 400,
    BadRequest: 400,
    NotFound: 404,
    Conflict: 409,
    Forbidden: 403,
    DamagedObject: 500,
    ReadOnly: 500,  # as Orthanc answers
    TooLarge: 413,
    UnsupportedImage: 415,
    RemoteFailure: 500,  # as Orthanc answers
    OutOfResources: 507,
    Unavailable: 503,
}


def http_status(error: BaseException) -> int:
    """The status of an error's nearest class; a bug is an internal error."""
    return nearest(STATUS, error) or HTTPStatus.INTERNAL_SERVER_ERROR
