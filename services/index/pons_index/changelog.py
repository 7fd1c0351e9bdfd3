# SPDX-License-Identifier: Apache-2.0
"""The end of every transaction that writes: totals and change log."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any, NamedTuple
from uuid import UUID

from pons.dicom.levels import LEVELS, Level
from pons.messages.changes import CHANGE_TYPES
from pons_index.faults import Raced
from pons_index.statements import SQL

NUMBERS: dict[Level, int] = {level: number for number, level in enumerate(LEVELS)}


class Line(NamedTuple):
    """A change that has no number yet."""

    change_type: str
    level: int
    resource_key: int
    resource_id: bytes


@dataclass(frozen=True, slots=True)
class Growth:
    """What a transaction adds to the totals; less than zero for what it takes away."""

    patients: int = 0
    studies: int = 0
    series: int = 0
    instances: int = 0
    size: int = 0
    stored_size: int = 0

    def __add__(self, other: "Growth") -> "Growth":
        return Growth(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True, slots=True)
class Filling:
    """How full a store is."""

    stored_size: int
    patients: int

    def __add__(self, growth: Growth) -> "Filling":
        return Filling(self.stored_size + growth.stored_size, self.patients + growth.patients)


async def log_changes(
    connection: Any, growth: Growth, lines: Sequence[Line] = (), objects: Sequence[UUID] = ()
) -> Filling:
    """Count and number, as the last statement of a transaction: from here on it holds the totals.

    Gives how full the store is when the transaction commits.

    Raises `Raced` when one of `objects`, which the transaction refers to, has become garbage.
    """
    row = await connection.fetchrow(
        SQL["log_changes"],
        *astuple(growth),
        [CHANGE_TYPES[line.change_type] for line in lines],
        [line.level for line in lines],
        [line.resource_key for line in lines],
        [line.resource_id for line in lines],
        objects,
    )
    if row["garbage"]:
        raise Raced("an object of the batch became garbage")
    return Filling(row["stored_size"], row["patients"])
