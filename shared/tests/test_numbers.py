# SPDX-License-Identifier: Apache-2.0
"""Numbers of files: in bounds, or none."""

import pytest

from pons.dicom.numbers import MAX_INTEGER, read_decimal, read_integer, swapped


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


@pytest.mark.parametrize(
    ("value", "word", "expected"),
    [
        (b"abcd", 1, b"abcd"),
        (b"abcd", 2, b"badc"),
        (b"abcdefgh", 4, b"dcbahgfe"),
        (b"abcdefgh", 8, b"hgfedcba"),
        (b"abcde", 2, b"abcde"),
        (b"", 2, b""),
    ],
)
def test_words_in_the_other_byte_order(value: bytes, word: int, expected: bytes) -> None:
    """Each word is turned round; what is no whole number of words stays."""
    assert swapped(value, word) == expected
