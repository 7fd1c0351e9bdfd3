# SPDX-License-Identifier: Apache-2.0
"""Which instances of a job failed."""

import msgspec

from pons.jobs.failures import Failures, order_of


def test_places() -> None:
    """All that were added are told, in order, whatever lies between, also when it was kept."""
    failures = Failures("order")
    for place in (0, 7, 8, 9_999, 5):
        failures = failures.adding(place)
    assert failures.places() == [0, 5, 7, 8, 9_999]
    assert len(failures.bits) == 1_250
    kept = msgspec.to_builtins(failures)
    assert msgspec.convert(kept, Failures) == failures
    assert Failures().places() == []


def test_order() -> None:
    """Another order, and other instances, are another list."""
    lists = (["a", "b"], ["b", "a"], ["a"], ["a", "b", "c"], ["ab"], [])
    assert len({order_of(one) for one in lists}) == len(lists)
    assert order_of(["a", "b"]) == order_of(iter(["a", "b"]))
