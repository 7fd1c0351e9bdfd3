# SPDX-License-Identifier: Apache-2.0
"""The limits of a store: what makes room for newcomers, and when there is none."""

from collections.abc import Sequence
from typing import Any

import structlog

from pons.dicom.identity import to_text
from pons.errors import OutOfResources
from pons.limits import MEGABYTE
from pons.messages.index import Deleter
from pons.settings import StorageSettings
from pons_index.changelog import Filling, Growth
from pons_index.deletion import PATIENCE, delete_instances, take_time
from pons_index.faults import Raced
from pons_index.statements import SQL

log = structlog.get_logger()

FOR_ROOM = Deleter("room")


class Capacity:
    """Keeps a store within its limits, inside the transactions that fill it."""

    def __init__(self, settings: StorageSettings) -> None:
        self._size = settings.maximum_size_mb * MEGABYTE
        self._patients = settings.maximum_patients
        self._recycling = settings.maximum_mode == "Recycle"

    @property
    def limited(self) -> bool:
        """Whether there is a limit at all."""
        return bool(self._size or self._patients)

    async def make_room(
        self, connection: Any, growth: Growth, spared: Sequence[bytes]
    ) -> tuple[Growth, Filling]:
        """Delete patients until `growth` fits; what that takes away, and how full it will be then.

        Called when the transaction has written everything else, so that it waits for no patient
        while it holds others. `spared` are the patients that it writes.

        Raises `OutOfResources` when the store is full and nothing may be deleted; the transaction
        must then be undone.
        """
        row = await connection.fetchrow(SQL["read_filling"])
        filling = Filling(row["stored_size"], row["patients"]) + growth
        freed = Growth()
        if self._size and growth.stored_size > self._size:
            raise _full()
        while not self._fits(growth, filling):
            removed = await self._recycle(connection, spared)
            freed += removed
            filling += removed
        return freed, filling

    async def refuse_surplus(self, connection: Any, stored_size: int) -> None:
        """Raise `OutOfResources` where so many bytes more can only be refused: nothing is written
        in vain."""
        if self._recycling or not self._size:
            return
        row = await connection.fetchrow(SQL["read_filling"])
        if row["stored_size"] + stored_size > self._size:
            raise _full()

    def check(self, expected: Filling, filling: Filling) -> None:
        """Raise `Raced` when others have filled the store above its limits meanwhile."""
        above = self._above_size(filling) and filling.stored_size > expected.stored_size
        crowded = self._above_patients(filling) and filling.patients > expected.patients
        if above or crowded:
            raise Raced("others took the room that was left")

    def _fits(self, growth: Growth, filling: Filling) -> bool:
        """What does not grow fits also into a store that is above its limits."""
        if growth.stored_size > 0 and self._above_size(filling):
            return False
        return growth.patients <= 0 or not self._above_patients(filling)

    def _above_size(self, filling: Filling) -> bool:
        return bool(self._size) and filling.stored_size > self._size

    def _above_patients(self, filling: Filling) -> bool:
        return bool(self._patients) and filling.patients > self._patients

    async def _recycle(self, connection: Any, spared: Sequence[bytes]) -> Growth:
        """Delete the patient whose turn it is. Raises `OutOfResources` when there is none."""
        if not self._recycling:
            raise _full()
        oldest = await connection.fetchrow(SQL["take_oldest"], spared)
        if oldest is None:
            raise _full()
        await take_time(connection)
        rows = await connection.fetch(
            SQL["instances_of_patient"], oldest["patient_key"], timeout=PATIENCE
        )
        keys = [row["instance_key"] for row in rows]
        removed = await delete_instances(connection, keys, "deleted", by=FOR_ROOM)
        log.info("patient recycled", patient=to_text(oldest["id"]), instances=len(keys))
        return removed.growth


def _full() -> OutOfResources:
    return OutOfResources("The store is full", "see storage.maximum_size_mb, maximum_patients")
