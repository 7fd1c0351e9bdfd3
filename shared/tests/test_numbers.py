# SPDX-License-Identifier: Apache-2.0
"""Numbers of files: in bounds, or none."""

import pytest

from pons.dicom.numbers import MAX_INTEGER, read_decimal, read_integer


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("7", 7),
        (" -12 ", -12),
        ("+0000000000012", 12),
        (3, 3),
        (3.0, 3),
        ("2147483647", MAX_INTEGER),
        ("2147483648", None),
        ("9" * 5000, None),
        ("0" * 5000 + "1", None),
        (10**30, None),
        (1e300, None),
        (2.5, None),
        (float("nan"), None),
        ("7.0", None),
        ("1_0", None),
        ("²", None),
        ("١", None),
        ("", None),
        (None, None),
        (True, None),
        ({"Alphabetic": "1"}, None),
    ],
)
def test_integers(value: object, number: int | None) -> None:
    assert read_integer(value) == number


def test_integers_have_the_bounds_that_are_asked_for() -> None:
    found = [read_integer(str(number), low=1, high=3) for number in range(5)]
    assert found == [None, 1, 2, 3, None]


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("1.5", 1.5),
        (" -.5e1 ", -5.0),
        ("7.", 7.0),
        (0.25, 0.25),
        (3, 3.0),
        ("1e999", None),
        (10**400, None),
        (float("inf"), None),
        ("Infinity", None),
        ("nan", None),
        ("1_0", None),
        ("1,5", None),
        ("9" * 5000, None),
        ("", None),
        (None, None),
        (False, None),
    ],
)
def test_decimals(value: object, number: float | None) -> None:
    assert read_decimal(value) == number
