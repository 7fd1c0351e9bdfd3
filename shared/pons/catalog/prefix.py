# SPDX-License-Identifier: Apache-2.0
"""Texts of any length, of which an index has the beginning (migration 0003_long_texts).

A condition is about that beginning, so that the index serves, and about the whole where a text that
differs later could be taken for the same.
"""

INDEXED = 200
"""Characters of a text, in capitals where it has a case, that its index has."""
SHORT = INDEXED // 3
"""A text of at most so many characters is in the index as a whole: capitals of one are up to 3."""

STARTS_INDEXED = frozenset(("00080050", "00080060", "00100010", "00100020"))
"""Attributes whose index has the beginning of their capitals."""
DATES = frozenset(("00080020", "00100030"))
"""Attributes whose index has the beginning in the order of its bytes; they have no case."""


def start_of(text: str) -> str:
    """The beginning of a text, as its index has it."""
    return f"left({text}, {INDEXED})"


def is_whole(*texts: str) -> bool:
    """Whether an index has all there is of these values."""
    return all(len(text) <= SHORT for text in texts)
