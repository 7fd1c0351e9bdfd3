# SPDX-License-Identifier: Apache-2.0
"""How an edge finds its entry of an error."""

from pons.errors import (
    FAMILY,
    Conflict,
    DamagedObject,
    DatabaseUnavailable,
    PonsError,
    ReadOnly,
    Unavailable,
    family_name,
    kind_name,
    named,
    nearest,
)
from pons.http.errors import STATUS, http_status


class Locked(Conflict):
    """Known inside of one service alone."""


def test_the_nearest_class_counts() -> None:
    """A subclass that a table does not know has its family's entry; one that it knows, its own."""
    assert nearest({Conflict: 0, PonsError: 1}, Locked("no")) == 0
    assert nearest({Conflict: 0, Locked: 2}, Locked("no")) == 2
    assert nearest({Conflict: 0}, KeyError("no")) is None


def test_others_know_the_family_alone() -> None:
    """What crosses a command or a queue is a name that the other side can read."""
    assert family_name(Locked("no")) == "Conflict"
    assert family_name(PonsError("no")) == family_name(KeyError("no")) == ""


def test_a_kind_that_nobody_knows_is_its_family() -> None:
    """A service of another version may name a kind that this one has not, or none."""
    away = DatabaseUnavailable("no")
    assert named(family_name(away), kind_name(away)) is DatabaseUnavailable
    assert named("Unavailable", "SunUnavailable") is named("Unavailable") is Unavailable
    assert (kind_name(Locked("no")), named("")) == ("", PonsError)


def test_what_crosses_says_nothing_twice() -> None:
    """A job keeps the words of its error; whoever reads them makes the same error of them."""
    for family in FAMILY.values():
        error = family("why", "what to do") if family is not ReadOnly else ReadOnly()
        assert str(named(family_name(error))(str(error))) == str(error)


def test_every_error_has_a_status() -> None:
    """No error of the family is a bug over HTTP; what is none of it is."""
    assert set(STATUS) == set(FAMILY.values())
    assert (http_status(Unavailable("no")), http_status(Locked("no"))) == (503, 409)
    assert http_status(DamagedObject("no")) == 500
    assert http_status(PonsError("no")) == http_status(KeyError("no")) == 500
