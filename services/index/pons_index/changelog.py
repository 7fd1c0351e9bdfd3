# SPDX-License-Identifier: Apache-2.0
"""The end of every transaction that writes: totals and change log."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import add
from typing import Any, NamedTuple
from uuid import UUID

from pons.dicom.levels import LEVELS, Level
from pons.messages.changes import CHANGE_TYPES
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
        return Growth(*map(add, self, other))

    def __iter__(self) -> Iterator[int]:
        return iter(
            (self.patients, self.studies, self.series, self.instances, self.size, self.stored_size)
        )


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

    A race (see `faults`) when one of `objects`, which the transaction refers to, became garbage.
    """
    row = await connection.fetchrow(
        SQL["log_changes"],
        *growth,
        [CHANGE_TYPES[line.change_type] for line in lines],
        [line.level for line in lines],
        [line.resource_key for line in lines],
        [line.resource_id for line in lines],
        objects,
    )
    return Filling(*row)
