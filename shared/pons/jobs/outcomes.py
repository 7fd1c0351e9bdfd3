# SPDX-License-Identifier: Apache-2.0
"""What Orthanc calls that with which a job ended, and whether it may end otherwise another time."""

from pons.errors import RemoteFailure
from pons.http.errors import ORTHANC

SUCCESS, INTERNAL_ERROR, CANCELED = 0, -1, 37
ERRORS: dict[str, tuple[int, str]] = {
    **{error.__name__: row for error, row in ORTHANC.items()},
    "Conflict": (6, "Bad sequence of calls"),
    "Forbidden": (45, "Access to a resource is forbidden"),
    "TooLarge": (3, "Parameter out of range"),
}
"""Orthanc's code and words for each of our errors, three of which it calls otherwise in jobs than
over HTTP; anything else is an internal error."""
DESCRIPTIONS: dict[int, str] = {
    INTERNAL_ERROR: "Internal error",
    SUCCESS: "Success",
    CANCELED: "This job was canceled",
    **dict(ERRORS.values()),
}
KNOWN_BEFORE = 36
"""What a release before kept of all that is away; the names of the error tell which it was."""


def code_of(family: str, kind: str) -> int:
    """The number of an error by the names of its family and of its kind, which may be empty."""
    code, _words = ERRORS.get(kind) or ERRORS.get(family) or (INTERNAL_ERROR, "")
    return code


def description(code: int) -> str:
    """Orthanc's words for it; a later release may have codes that nobody knows here."""
    return DESCRIPTIONS.get(code, DESCRIPTIONS[INTERNAL_ERROR])


def is_network_error(error: Exception) -> bool:
    """Whether another system did not answer as it might another time."""
    return isinstance(error, RemoteFailure) and not error.final
