# SPDX-License-Identifier: Apache-2.0
"""Numbers that come from files: read here, whatever stands there instead of one."""

import re
from math import isfinite

MAX_INTEGER = 2**31 - 1
"""The largest value of an IS (PS3.5 6.2)."""

_LONGEST = 64
"""Characters of a number; the standard has 12 of an IS and 16 of a DS, files have some more."""
_INTEGER = re.compile(r" *[+-]?[0-9]+ *")
_DECIMAL = re.compile(r" *[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)? *")


def read_integer(value: object, low: int = -MAX_INTEGER, high: int = MAX_INTEGER) -> int | None:
    """The number that `value` is, text or not; None for what is none, or not in `low` to `high`."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str):
        if len(value) > _LONGEST or not _INTEGER.fullmatch(value):
            return None
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if low <= value <= high else None


def read_decimal(value: object) -> float | None:
    """The number that `value` is, text or not; None for what is none, or not finite."""
    if isinstance(value, str):
        if len(value) > _LONGEST or not _DECIMAL.fullmatch(value):
            return None
    elif isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if isfinite(number) else None


def swapped(value: bytes, word: int) -> bytes:
    """The value with the bytes of each of its words in the opposite order (PS3.5 7.3).

    One that is no multiple of `word` bytes long stays as it is.
    """
    if word == 1 or len(value) % word:
        return value
    result = bytearray(len(value))
    for position in range(word):
        result[position::word] = value[word - 1 - position :: word]
    return bytes(result)
