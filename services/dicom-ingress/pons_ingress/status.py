# SPDX-License-Identifier: Apache-2.0
"""The status for each thing that can go wrong (PS3.4 B.2.3, C.4.1.1.4, PS3.7 annex C)."""

from pons import errors
from pons.errors import PonsError
from pons.ingest import StatusWanted, WrongDataset

SUCCESS = 0x0000
PENDING = 0xFF00
PENDING_UNMATCHED = 0xFF01
"""Pending, where an optional key of the query could not be matched."""
CANCELLED = 0xFE00
SOME_FAILED = 0xB000
"""Warning: sub-operations are complete, and some of them failed, or ended with a warning."""
NOTHING_SENT = 0xA702
"""Unable to perform sub-operations."""
DESTINATION_UNKNOWN = 0xA801
STORE_WARNINGS = frozenset({0xB000, 0xB006, 0xB007})
"""Of a C-STORE: coercion, elements discarded, SOP class mismatch. The peer has the instance."""
SOP_CLASS_NOT_SUPPORTED = 0x0122
NOT_AUTHORIZED = 0x0124
PROCESSING_FAILURE = 0x0110
NO_SUCH_INSTANCE = 0x0112
NO_SUCH_EVENT = 0x0113
NO_SUCH_CLASS = 0x0118
NO_SUCH_ACTION = 0x0123
UNRECOGNIZED_OPERATION = 0x0211
UNABLE_TO_PROCESS = 0xC000
INTERNAL_ERROR = 0xC211
"""For errors outside the family, which are bugs."""


class SopClassRefused(errors.InvalidInstance):
    """The SOP class of the request is none that may be stored."""


STORE_STATUS: dict[type[PonsError], int] = {
    errors.InvalidInstance: 0xC000,  # cannot understand
    WrongDataset: 0xA900,  # dataset does not match SOP class
    SopClassRefused: SOP_CLASS_NOT_SUPPORTED,
    errors.BadRequest: 0xC000,
    errors.UnsupportedImage: 0xC000,
    errors.Forbidden: 0x0124,  # not authorized
    errors.ReadOnly: 0x0124,
    errors.OutOfResources: 0xA700,
    errors.Unavailable: 0xA700,  # also of scripts: whoever hears 0xC000 may never send it again
    errors.TooLarge: 0xA700,
    errors.NotFound: 0x0110,  # processing failure: nothing was looked up for the peer
    errors.Conflict: 0x0110,
    errors.DamagedObject: 0x0110,
    errors.RemoteFailure: 0x0110,
}


def store_status(error: Exception) -> int:
    """The status that answers `error`."""
    if isinstance(error, StatusWanted):
        return error.status
    status = errors.nearest(STORE_STATUS, error)
    return INTERNAL_ERROR if status is None else status


FIND_STATUS: dict[type[PonsError], int] = {
    errors.BadRequest: 0xA900,  # identifier does not match SOP class
    errors.OutOfResources: 0xA700,
    errors.TooLarge: 0xA700,
}


RETRIEVE_STATUS: dict[type[PonsError], int] = {
    errors.BadRequest: 0xA900,  # identifier does not match SOP class
    errors.InvalidInstance: 0xA900,
    errors.OutOfResources: 0xA702,
    errors.TooLarge: 0xA702,
    errors.Unavailable: 0xA702,
}


def retrieve_status(error: PonsError) -> int:
    """The status of a C-MOVE or C-GET that ends with `error`; there is one for any other."""
    return errors.nearest(RETRIEVE_STATUS, error) or UNABLE_TO_PROCESS


def find_status(error: PonsError) -> int:
    """The status of a C-FIND that answers `error`; any other is of what could not be processed."""
    return errors.nearest(FIND_STATUS, error) or UNABLE_TO_PROCESS


REPORT_STATUS: dict[type[PonsError], int] = {
    errors.InvalidInstance: 0x0115,  # invalid argument value
    errors.NotFound: 0x0115,
    errors.TooLarge: 0x0213,  # resource limitation
    errors.OutOfResources: 0x0213,
}


def report_status(error: PonsError) -> int:
    """The status of an N-EVENT-REPORT that answers `error` (PS3.7 10.1.1.1.8)."""
    return errors.nearest(REPORT_STATUS, error) or PROCESSING_FAILURE


ACTION_STATUS: dict[type[PonsError], int] = {
    errors.InvalidInstance: 0x0115,  # invalid argument value
    errors.Forbidden: NOT_AUTHORIZED,
    errors.TooLarge: 0x0213,  # resource limitation
    errors.OutOfResources: 0x0213,
}


def action_status(error: PonsError) -> int:
    """The status of an N-ACTION that answers `error` (PS3.7 10.1.4.1.10)."""
    return errors.nearest(ACTION_STATUS, error) or PROCESSING_FAILURE
