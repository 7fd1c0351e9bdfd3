# SPDX-License-Identifier: Apache-2.0
"""What errors of the database mean to whoever waits, asked or operates."""

from typing import Any

import asyncpg
import pytest

from pons.errors import FAMILY, DatabaseUnavailable, Unavailable, family_name
from pons_index.faults import (
    Raced,
    Slow,
    TooLate,
    describe,
    is_passing,
    is_refusal,
    is_slow,
    unavailable,
    what_lasts,
)

REFUSED = [
    asyncpg.ProgramLimitExceededError("index row size 8000 exceeds 2704"),
    asyncpg.UntranslatableCharacterError("\\u0000 cannot be converted to text"),
    asyncpg.UniqueViolationError("duplicate key"),
    asyncpg.NumericValueOutOfRangeError("out of range"),
    asyncpg.exceptions._base.DataError("invalid input for query argument $3"),
]
REPAIRED = [
    (asyncpg.UndefinedColumnError('column "size" does not exist'), "The tables are not"),
    (asyncpg.UndefinedTableError('relation "headers" does not exist'), "The tables are not"),
    (asyncpg.InsufficientPrivilegeError("permission denied"), "The index lacks a right"),
    (asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT"), "The database takes no writes"),
    (asyncpg.InvalidPasswordError("password authentication failed"), "The database does not let"),
    (asyncpg.InvalidCatalogNameError("database does not exist"), "The database is not there"),
    (asyncpg.DiskFullError("could not extend file"), "The disk of the database is full"),
    (asyncpg.PostgresIOError("could not read block"), "The database cannot read"),
    (asyncpg.DataCorruptedError("invalid page"), "The database is damaged"),
]
PASSING = [
    asyncpg.CannotConnectNowError("the database system is starting up"),
    asyncpg.AdminShutdownError("terminating connection"),
    asyncpg.DeadlockDetectedError("deadlock detected"),
    asyncpg.ForeignKeyViolationError("the parent was deleted"),
    asyncpg.LockNotAvailableError("canceling statement due to lock timeout"),
    asyncpg.InterfaceError("connection is closed"),
    asyncpg.InternalClientError("got result for unknown protocol state"),
    ConnectionRefusedError("nobody listens"),
    TimeoutError(),
    Raced("another was faster"),
]


@pytest.mark.parametrize("error", REFUSED, ids=repr)
def test_values_that_are_never_taken(error: Exception) -> None:
    """Trying again would go on for ever, whether the server or the client refuses them."""
    assert is_refusal(error)
    assert not is_passing(error)


@pytest.mark.parametrize(("error", "words"), REPAIRED, ids=repr)
def test_what_somebody_repairs(error: Exception, words: str) -> None:
    """It is tried again, for it passes some day, but is no matter of waiting."""
    assert is_passing(error)
    assert what_lasts(error).startswith(words)
    assert describe(error).startswith(words)
    assert str(error) in describe(error)
    assert str(error) not in str(unavailable(error))


def test_what_nobody_knows_is_not_waited_for() -> None:
    """A trigger of somebody's that raises for one instance must not hold up all behind it."""
    error = asyncpg.RaiseError("not on my watch")
    assert not is_passing(error)
    assert not is_refusal(error)


def test_what_was_collected_never_comes_back() -> None:
    """Whoever waits for it is told so at once; others hear what they hear of any absence."""
    assert not is_passing(TooLate())
    assert not is_refusal(TooLate())
    assert family_name(TooLate()) == "Unavailable"


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_what_passes_by_itself(error: Exception) -> None:
    """Nobody has to do anything."""
    assert is_passing(error)
    assert what_lasts(error) == ""
    assert type(unavailable(error)) is DatabaseUnavailable


def test_what_takes_too_long() -> None:
    """It is none of these, and crosses to whoever asked as an error that is known there."""
    error = asyncpg.QueryCanceledError("canceling statement due to statement timeout")
    assert is_slow(error)
    told: Any = unavailable(error)
    assert isinstance(told, Slow)
    assert FAMILY[family_name(told)] is Unavailable
    assert not is_slow(asyncpg.LockNotAvailableError("canceling statement due to lock timeout"))
