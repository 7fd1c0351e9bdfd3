# SPDX-License-Identifier: Apache-2.0
"""Each error as HTTP tells it: its status, and Orthanc's number and words for it."""

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

ORTHANC: dict[type[PonsError], tuple[int, str]] = {
    errors.InvalidInstance: (15, "Bad file format"),
    errors.BadRequest: (8, "Bad request"),
    errors.NotFound: (17, "Unknown resource"),
    errors.Conflict: (46, "Duplicate resource"),
    errors.Forbidden: (45, "Forbidden access"),
    errors.DamagedObject: (20, "Corrupted file (e.g. inconsistent MD5 hash)"),
    errors.ReadOnly: (22, "Cannot modify a read-only data structure"),
    errors.TooLarge: (4, "Not enough memory"),
    errors.UnsupportedImage: (23, "Incompatible format of the images"),
    errors.RemoteFailure: (9, "Error in the network protocol"),
    errors.OutOfResources: (19, "The file storage is full"),
    errors.Unavailable: (16, "Timeout"),
    errors.DatabaseUnavailable: (
        36,
        "The database is currently not available (probably a transient situation)",
    ),
    errors.StorageUnavailable: (32, "Error in the plugin implementing a custom storage area"),
    errors.TlsUnavailable: (39, "Cannot initialize SSL encryption, check out your certificates"),
    errors.ScriptUnavailable: (2031, "Cannot execute a Lua command"),
}
"""Orthanc's number and words for each error.

Orthanc knows no service that is away. Whoever waited for one did so in vain: a timeout.
"""


def http_status(error: BaseException, table: Mapping[type[PonsError], int] = STATUS) -> int:
    """The status of an error's nearest class; a bug is an internal error."""
    return errors.nearest(table, error) or HTTPStatus.INTERNAL_SERVER_ERROR
