# SPDX-License-Identifier: Apache-2.0
"""What PostgreSQL's errors mean: which pass, which somebody has to repair, which never pass.

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from pons.errors import DatabaseUnavailable, Unavailable
from pons.tls.servers import POSTGRESQL, no_tls

STATEMENT_SECONDS = 60
"""Seconds after which the server ends a statement."""
LOCK_SECONDS = 45
"""Seconds that a statement waits for another transaction; that one passes, so this is not slow."""

LASTING: dict[str, str] = {
    "25": "The database takes no writes",
    "28": "The database does not let the index in",
    "3D": "The database is not there",
    "3F": "The schema of the database is not there",
    "42501": "The index lacks a right in the database",
    "42": "The tables are not as this version needs them",
    "53100": "The disk of the database is full",
    "58": "The database cannot read or write its files",
    "F0": "The configuration of the database is damaged",
    "XX": "The database is damaged",
}
"""SQLSTATE, or its class, to what is wrong until somebody repairs it. Then everything goes on."""

PASSING: dict[str, str] = {
    "55P03": "Another transaction holds what this one needs",
    "53300": "The database has no connection left",
}
"""As above, of what passes by itself and is not simply an absence."""

ABSENT = ("08", "40", "53", "55", "57")
"""Classes about connections, transactions, resources and an operator's doing: these pass, too."""
REFUSING = ("22", "23", "54")
"""Classes about values: data, constraints, sizes."""
MISSING_PARENT = "23503"
"""A race with a delete, not a wrong value."""
CANCELLED = "57014"
RACED = "PN001"
"""What our own functions in the database raise where Python raises `Raced`."""


class Raced(Exception):
    """Another replica was faster; the same transaction, begun again, sees what it did."""


class Slow(Unavailable):
    """A statement ran into its timeout. The database is there; the same again takes as long."""

    def __init__(self) -> None:
        super().__init__(
            f"The database needs longer than {STATEMENT_SECONDS} s for this",
            "nothing was changed; try again when less is going on, or ask for less at once",
        )


class TooLate(Unavailable):
    """An object was collected before its row was written. The same object never comes back, so the
    same again fails at once; who still has the bytes can send them anew."""

    def __init__(self) -> None:
        super().__init__("The object came so late that it was collected", "send it again")


def is_passing(error: BaseException) -> bool:
    """Whether the same transaction can succeed later.

    It cannot where it is about its values, nor where nobody knows what it is about, such as an
    exception that somebody's trigger raises: that must not hold up what comes behind it.
    """
    if isinstance(error, TooLate):
        return False
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        known = not state or state in (MISSING_PARENT, RACED) or state[:2] in ABSENT
        return known or bool(what_lasts(error))
    # What asyncpg raises for a server that went away is not only connection errors.
    lost = (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError, Raced)
    return isinstance(error, (*lost, Unavailable)) and not is_refusal(error)


def is_refusal(error: BaseException) -> bool:
    """Whether PostgreSQL, or asyncpg before it, will never take these values."""
    if isinstance(error, asyncpg.InterfaceError):
        return isinstance(error, ValueError)
    if not isinstance(error, asyncpg.PostgresError):
        return False
    state = error.sqlstate or ""
    return state[:2] in REFUSING and state != MISSING_PARENT


def is_race(error: BaseException) -> bool:
    """Whether another replica was faster."""
    return isinstance(error, Raced) or getattr(error, "sqlstate", None) == RACED


def is_slow(error: BaseException) -> bool:
    """Whether the server ended a statement because it took too long."""
    return isinstance(error, asyncpg.PostgresError) and error.sqlstate == CANCELLED


def what_lasts(error: BaseException) -> str:
    """What somebody has to repair before the same can succeed; empty when it passes by itself."""
    if not isinstance(error, asyncpg.PostgresError):
        return ""
    state = error.sqlstate or ""
    return LASTING.get(state) or LASTING.get(state[:2], "")


def describe(error: BaseException, server: str = "PostgreSQL") -> str:
    """For people who operate the store: what is wrong, and what the database says of it.

    Not for what is about values: they may be a person's data.
    """
    if isinstance(error, Unavailable):
        return str(error)
    said = str(error) or type(error).__name__
    if why := no_tls(server, error, POSTGRESQL):
        return why
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        words = what_lasts(error) or PASSING.get(state) or "The database does not answer"
        return f"{words}: {said} (SQLSTATE {state})"
    return f"The database does not answer: {said}"


def unavailable(error: BaseException) -> Unavailable:
    """What whoever asked for it hears."""
    if isinstance(error, Unavailable):
        return error
    if is_slow(error):
        return Slow()
    if words := what_lasts(error):
        return DatabaseUnavailable(
            words, "an operator has to repair that: see the log of the index"
        )
    if isinstance(error, asyncpg.PostgresError) and (error.sqlstate or "") in PASSING:
        return DatabaseUnavailable(PASSING[error.sqlstate or ""], "try again shortly")
    return DatabaseUnavailable(
        "The database does not answer", "it is asked again: try again shortly"
    )


@contextmanager
def passing_is_unavailable() -> Iterator[None]:
    """Errors that pass by themselves, or are repaired, leave the block as `Unavailable`."""
    try:
        yield
    except Exception as error:
        if isinstance(error, Unavailable) or not is_passing(error):
            raise
        raise unavailable(error) from error
