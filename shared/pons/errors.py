# SPDX-License-Identifier: Apache-2.0
"""What can go wrong, in our words; each edge (HTTP, DIMSE, queue, command) has one table for it.

Anything that is not a `PonsError` is a bug: it is logged with its traceback and answered as an
internal error, never swallowed.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

Entry = TypeVar("Entry")


class PonsError(Exception):
    """Base of the family; `message` says what was wrong, `details` what to do about it."""

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.told: dict[str, Any] = {}
        """What an answer over HTTP tells beside, by Orthanc's kind of name."""

    def __str__(self) -> str:
        return f"{self.message} ({self.details})" if self.details else self.message


def log_text(error: BaseException) -> str:
    """An error for the log: with what a driver said, which is in none of our messages.

    Answers never have it: names of classes and drivers help nobody who sends images.
    """
    seen: list[BaseException] = [error]
    cause = error.__cause__
    while isinstance(cause, PonsError) and cause not in seen:
        seen.append(cause)
        cause = cause.__cause__
    ours = cause is None or isinstance(cause, PonsError)
    return str(error) if ours else f"{error}; {_told(cause)}"


def _told(cause: BaseException | None) -> str:
    """A driver's error with its class and its words; some keep their words out of `repr`."""
    shown, words = repr(cause), str(cause)
    return shown if words in shown else f"{shown}: {words}"


class InvalidInstance(PonsError):
    """The bytes are not a DICOM instance that can be stored; sending them again will not help."""


class BadRequest(PonsError):
    """The caller asked for something malformed or out of range."""


class NotFound(PonsError):
    """No such resource, object, modality or job."""


class Conflict(PonsError):
    """The resource is not in the state that the request needs."""


class Forbidden(PonsError):
    """Configuration does not allow this."""


class ReadOnly(PonsError):
    """The store is set to take nothing and to change nothing (`store.read_only`)."""

    def __init__(
        self,
        message: str = "The store takes and changes nothing (setting store.read_only)",
        details: str = "",
    ) -> None:
        super().__init__(message, details)


class DamagedObject(PonsError):
    """What the store keeps of a file is missing, or is not what it was given: somebody has to see
    to it.

    `what` was wrong in one word: `missing`, `size`, `checksum`, `compression`; `object_key` and
    `owner`, a resource, are empty where they are not known here. `noticed`: see
    `pons.objects.damage`.
    """

    def __init__(
        self,
        message: str,
        details: str = "",
        *,
        what: str = "",
        object_key: str = "",
        owner: str = "",
    ) -> None:
        super().__init__(message, details)
        self.what = what
        self.object_key = object_key
        self.owner = owner
        self.noticed = False


def check_size(key: object, found: int, expected: int | None) -> None:
    """Raise `DamagedObject` for an object that has other than the `expected` bytes, if any are."""
    if expected is not None and found != expected:
        why = f"it has {found} bytes instead of {expected}"
        raise DamagedObject(f"The object {key} is damaged", why, what="size")


class TooLarge(PonsError):
    """The body is larger than the configured limit."""


class UnsupportedImage(PonsError):
    """The instance has no image, or none that can be decoded or shown as asked."""


class RemoteFailure(PonsError):
    """Another system is down, refused the association, aborted it or answered with a failure.

    `final` says that it would answer the same another time, so that to try again does not help;
    `reached`, whether there was a connection. `why` is what happened, in our words alone: what the
    other system says, as the message does, may name patients.
    """

    def __init__(
        self,
        message: str,
        details: str = "",
        *,
        final: bool = False,
        reached: bool = True,
        why: str = "",
    ) -> None:
        super().__init__(message, details)
        self.final = final
        self.reached = reached
        self.why = why


class OutOfResources(PonsError):
    """No room: disk full or the store's capacity is used up. May succeed later."""


class Unavailable(PonsError):
    """A service or a backing service does not answer now. The same call may succeed later."""


class DatabaseUnavailable(Unavailable):
    """PostgreSQL does not answer, or somebody has to repair what it holds."""


class StorageUnavailable(Unavailable):
    """The object store does not answer, or its place cannot be used."""


class TlsUnavailable(Unavailable):
    """What the settings name for TLS cannot be used."""


class ScriptUnavailable(Unavailable):
    """A Lua script could not say what it was asked, or nobody could ask it."""


FAMILY: dict[str, type[PonsError]] = {
    cls.__name__: cls
    for cls in (
        InvalidInstance,
        BadRequest,
        NotFound,
        Conflict,
        Forbidden,
        ReadOnly,
        DamagedObject,
        TooLarge,
        UnsupportedImage,
        RemoteFailure,
        OutOfResources,
        Unavailable,
    )
}
"""Every error by its name: how it crosses a command, and what the edges' tables must cover."""


KINDS: dict[str, type[PonsError]] = {
    cls.__name__: cls
    for cls in (DatabaseUnavailable, StorageUnavailable, TlsUnavailable, ScriptUnavailable)
}
"""Errors that other services tell apart where they answer. They cross beside the name of their
family, which is all that an earlier version reads."""


def nearest(table: Mapping[type[PonsError], Entry], error: BaseException) -> Entry | None:
    """The entry of an error's nearest class in an edge's table; None for a bug.

    Subclasses say more inside of a service; where a table does not know them, their family counts.
    """
    return next((table[kind] for kind in type(error).__mro__ if kind in table), None)


def family_name(error: BaseException) -> str:
    """The name of an error's nearest class in `FAMILY`, which is all that others know of it.

    Empty for a bug.
    """
    return nearest({kind: name for name, kind in FAMILY.items()}, error) or ""


def kind_name(error: BaseException) -> str:
    """The name of an error's nearest class in `KINDS`; empty for most."""
    return nearest({kind: name for name, kind in KINDS.items()}, error) or ""


def named(family: str, kind: str = "") -> type[PonsError]:
    """The class of an error that another service has named; `PonsError` for a bug."""
    return KINDS.get(kind) or FAMILY.get(family, PonsError)
