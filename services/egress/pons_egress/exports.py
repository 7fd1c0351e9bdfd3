# SPDX-License-Identifier: Apache-2.0
"""The exports log: what was sent is told to the index, in batches, at least once."""

from collections.abc import Sequence

import structlog

from pons.bus import Bus
from pons.catalog import InstanceToSend
from pons.commands import Done, Export, LogExports, ask
from pons.errors import Unavailable

log = structlog.get_logger()

BATCH = 100
MOST = 1000
"""Exports that may wait for an index that is away, before the job waits for it too."""
SECONDS = 5.0


class ExportLog:
    """The exports of one job that the index does not know yet."""

    def __init__(
        self, bus: Bus, job_id: str, modality: str, waiting: Sequence[InstanceToSend]
    ) -> None:
        self._bus = bus
        self._job_id = job_id
        self._modality = modality
        self._waiting = list(waiting)

    @property
    def waiting(self) -> list[str]:
        """Identifiers of the instances: part of the job's position, so that none is forgotten."""
        return [instance.instance_id for instance in self._waiting]

    async def add(self, instance: InstanceToSend) -> None:
        """Note an instance that was sent. Raises `Unavailable` when too many wait."""
        self._waiting.append(instance)
        if len(self._waiting) % BATCH:
            return
        try:
            await self.flush()
        except Unavailable as error:
            if len(self._waiting) >= MOST:
                raise
            log.warning("exports wait for the index", job=self._job_id, error=str(error))

    async def flush(self) -> None:
        """Tell the index; raises `Unavailable`. Repeating it adds nothing."""
        while self._waiting:
            batch = self._waiting[:BATCH]
            exports = [_export(instance) for instance in batch]
            command = LogExports(self._job_id, self._modality, exports)
            await ask(self._bus, "index", command, Done, within=SECONDS)
            del self._waiting[: len(batch)]

    async def flush_if_possible(self) -> None:
        """Tell the index what was sent before a job broke off; one that goes on tells it again."""
        try:
            await self.flush()
        except Unavailable as error:
            count = len(self._waiting)
            log.warning("exports not logged", job=self._job_id, count=count, error=str(error))


def _export(instance: InstanceToSend) -> Export:
    return Export(
        instance_id=instance.instance_id,
        patient_id=instance.patient_id,
        study_uid=instance.study_uid,
        series_uid=instance.series_uid,
        sop_instance_uid=instance.sop_instance_uid,
    )
