# SPDX-License-Identifier: Apache-2.0
"""The greatest of what came lately."""

from pons_gateway.operation.metrics import Greatest


def test_old_values_are_forgotten() -> None:
    """A value is told for 10 seconds at least and for 20 at most."""
    now = 0.0
    greatest = Greatest(lambda: now)
    assert greatest.read() == 0
    greatest.add(3)
    greatest.add(2)
    assert greatest.read() == 3
    now = 9.0
    greatest.add(5)
    now = 12.0
    greatest.add(1)
    assert greatest.read() == 5
    now = 22.5
    assert greatest.read() == 1
    now = 100.0
    assert greatest.read() == 0
