# SPDX-License-Identifier: Apache-2.0
"""In how many ways a person's name is written: what a search for it has to find.

Delimiters of components and of groups that have nothing behind them may be left out (PS3.5
6.2.1.1), and so may spaces there: `Doe^John`, `Doe^John^^^` and `Doe^John==` are one name.
"""

from itertools import product

COMPONENTS = 5
"""Of each group: family, given and middle name, prefix, suffix."""
GROUPS = 3
"""Alphabetic, ideographic, phonetic."""
LONGEST = GROUPS * 64 + GROUPS - 1
"""Characters of a name as the standard has it."""


def bare(name: str) -> str:
    """A name, or a pattern of names, without the delimiters that it may leave out."""
    groups = [group.rstrip("^ ") for group in name.split("=")]
    return "=".join(groups).rstrip("=")


def spellings(name: str) -> tuple[str, ...]:
    """All that `name` may be written as, spaces aside; without any delimiter to spare first.

    They are 125 at most: what is no name as the standard has it, has only the first.
    """
    shortest = bare(name)
    groups = shortest.split("=")
    if len(shortest) > LONGEST or len(groups) > GROUPS:
        return (shortest,)
    padded = [[group + "^" * more for more in range(_spare(group) + 1)] for group in groups]
    empty = ["=" * more for more in range(max(GROUPS - len(groups), 0) + 1)]
    return tuple("=".join(one) + end for *one, end in product(*padded, empty))


def _spare(group: str) -> int:
    """How many delimiters may follow; none where nothing precedes them."""
    return max(COMPONENTS - 1 - group.count("^"), 0) if group else 0
