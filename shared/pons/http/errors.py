# SPDX-License-Identifier: Apache-2.0
"""The HTTP status of each error: what the gateway tells clients, and render the gateway."""

from collections.abc import Mapping
from http import HTTPStatus

from pons import errors
from pons.errors import PonsError

STATUS: dict[type[PonsError], int] = {
    errors.InvalidInstance: 400,
    errors.BadRequest: 400,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Forbidden: 403,
    errors.DamagedObject: 500,
    errors.ReadOnly: 500,  # as Orthanc answers
    errors.TooLarge: 413,
    errors.UnsupportedImage: 415,
    errors.RemoteFailure: 500,  # as Orthanc answers
    errors.OutOfResources: 507,
    errors.Unavailable: 503,
}


def http_status(error: BaseException, table: Mapping[type[PonsError], int] = STATUS) -> int:
    """The status of an error's nearest class; a bug is an internal error."""
    return errors.nearest(table, error) or HTTPStatus.INTERNAL_SERVER_ERROR
