# SPDX-License-Identifier: Apache-2.0
"""How often something came by: of much, within a day, and exactly."""

import pytest

from pons_egress.routing import rounds
from pons_egress.routing.rounds import DAY, Rounds


def test_each_thing_is_over_after_its_rounds() -> None:
    """Of a thousand each passes three times, and those that never came are not over."""
    known = Rounds(3)
    things = [f"thing {number}" for number in range(1000)]
    for _ in range(3):
        assert not any(known.over(thing) for thing in things)
        for thing in things:
            known.count(thing)
    assert all(known.over(thing) for thing in things)
    assert not any(known.over(f"other {number}") for number in range(1000))


def test_a_day_is_forgotten() -> None:
    """Rounds count for half a day at least and for a day at most, whatever else comes by."""
    moment = 0.0
    known = Rounds(3, lambda: moment)
    known.count("a")
    known.count("a")
    moment = DAY / 2 + 1
    assert not known.over("a")
    known.count("a")
    assert known.over("a")
    moment = DAY + 2
    assert not known.over("a")


def test_what_rests_for_days_begins_anew() -> None:
    """Also where nothing else came by meanwhile."""
    moment = 0.0
    known = Rounds(3, lambda: moment)
    for _ in range(3):
        known.count("a")
    assert known.over("a")
    moment = 10 * DAY
    assert not known.over("a")
    for _ in range(2):
        known.count("a")
    assert not known.over("a")


def test_more_circle_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first ones end, and the others when those have been forgotten."""
    monkeypatch.setattr(rounds, "ROOM", 1000)
    moment = 0.0
    known = Rounds(2, lambda: moment)
    things = {str(number) for number in range(1100)}
    for _ in range(2):
        for thing in things:
            known.count(thing)
    left = {thing for thing in things if not known.over(thing)}
    assert len(left) == 100
    moment = DAY + 1
    for _ in range(2):
        for thing in left:
            known.count(thing)
    assert all(map(known.over, left))
