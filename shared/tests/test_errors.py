# SPDX-License-Identifier: Apache-2.0
"""How an edge finds its entry of an error."""

from pons.errors import (
    FAMILY,
    Conflict,
    DamagedObject,
    PonsError,
    Unavailable,
    family_name,
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


def test_every_error_has_a_status() -> None:
    """No error of the family is a bug over HTTP; what is none of it is."""
    assert set(STATUS) == set(FAMILY.values())
    assert (http_status(Unavailable("no")), http_status(Locked("no"))) == (503, 409)
    assert http_status(DamagedObject("no")) == 500
    assert http_status(PonsError("no")) == http_status(KeyError("no")) == 500
