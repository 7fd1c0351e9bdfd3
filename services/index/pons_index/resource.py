# SPDX-License-Identifier: Apache-2.0
"""A resource that a transaction writes to: found, and its tree held until the end."""

from dataclasses import dataclass
from typing import Any

from pons.dicom.identity import to_bytes
from pons.dicom.levels import Level
from pons.errors import NotFound
from pons_index.changelog import NUMBERS, Line
from pons_index.faults import Raced
from pons_index.statements import SQL


@dataclass(frozen=True, slots=True)
class Held:
    """A resource that nobody else can delete, or write to, before the transaction ends."""

    level: int
    key: int
    id: bytes
    patient_key: int
    """Its patient's, or its own."""

    def line(self, change_type: str) -> Line:
        """A change of this resource for the log."""
        return Line(change_type, self.level, self.key, self.id)


async def hold_resource(connection: Any, level: Level, resource_id: str) -> Held:
    """The resource of this level. Raises `NotFound`."""
    number, identifier = NUMBERS[level], to_bytes(resource_id)
    if identifier is None:
        raise NotFound("There is no such resource", resource_id)
    held = await connection.fetchval(SQL["find_patient"], number, identifier)
    key = await connection.fetchval(SQL["find_resource"], number, identifier)
    if key is None:
        raise NotFound("There is no such resource", resource_id)
    if held is None:
        raise Raced("the patient was deleted and stored again meanwhile")
    return Held(number, key, identifier, held)
