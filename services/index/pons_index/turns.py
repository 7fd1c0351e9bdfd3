# SPDX-License-Identifier: Apache-2.0
"""What one replica of the index does at a time, by advisory locks, which belong to one database."""

from enum import IntEnum, unique

_OURS = 0x706F6E73_00000000


@unique
class Turn(IntEnum):
    """The number of each lock. A version beside another one has the same."""

    MIGRATING = _OURS + 1
    SWEEPING = _OURS + 2
    NOTING_ARRIVALS = _OURS + 3
    KEEPING_HISTORY = _OURS + 4
    SETTLING = _OURS + 5
