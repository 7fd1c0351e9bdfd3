# SPDX-License-Identifier: Apache-2.0
"""The exports log: what was sent is told to the index, in batches, at least once."""

from collections.abc import Iterator, Sequence

import structlog

from pons.bus import Bus
from pons.bus.requests import ask
from pons.catalog import InstanceToSend
from pons.dicom.levels import LEVELS, Level
from pons.errors import Unavailable, log_text
from pons.messages.index import Export, LogExports
from pons.messages.services import Done

log = structlog.get_logger()

BATCH = 100
MOST = 1000
"""Exports that may wait for an index that is away, before the job waits for it too."""
SECONDS = 5.0


class ExportLog:
    """What one job has sent and the index does not know yet.

    Resources that were sent whole have one row each, as they were asked for. Once an instance is
    left out, those that are sent have a row each: the log never claims what the peer did not get.
    """

    def __init__(
        self, bus: Bus, job_id: str, modality: str, sent: Sequence[InstanceToSend], *, whole: bool
    ) -> None:
        """`sent` is not logged yet; `whole` says that nothing has been left out so far."""
        self._bus = bus
        self._job_id = job_id
        self._modality = modality
        self._waiting = list(sent)
        self._whole = whole

    @property
    def waiting(self) -> list[str]:
        """Identifiers of instances: part of the job's position, so that none is forgotten.

        Nothing as long as the position tells it by itself: all that it has passed was sent.
        """
        return [] if self._whole else [instance.instance_id for instance in self._waiting]

    async def add(self, instance: InstanceToSend) -> None:
        """Note an instance that was sent. Raises `Unavailable` when too many wait."""
        self._waiting.append(instance)
        if self._whole or len(self._waiting) % BATCH:
            return
        try:
            await self._flush_instances()
        except Unavailable as error:
            if len(self._waiting) >= MOST:
                raise
            log.warning("exports wait for the index", job=self._job_id, error=log_text(error))

    async def leave_out(self) -> None:
        """Note that an instance was not sent. Raises `Unavailable` when too many wait."""
        if self._whole and len(self._waiting) >= BATCH:
            await self._flush_instances()
        self._whole = False

    async def close(self, resources: Sequence[str]) -> None:
        """Tell the index, now that all of `resources` was dealt with.

        Raises `Unavailable`. Repeating it adds nothing.
        """
        if not self._whole:
            await self._flush_instances()
            return
        exports = list(_exports(resources, self._waiting))
        for start in range(0, len(exports), BATCH):
            await self._tell(exports[start : start + BATCH])
        self._waiting.clear()

    async def break_off(self) -> None:
        """Tell the index what was sent before a job broke off; one that goes on tells it again."""
        try:
            await self._flush_instances()
        except Unavailable as error:
            count = len(self._waiting)
            log.warning("exports not logged", job=self._job_id, count=count, error=log_text(error))

    async def _flush_instances(self) -> None:
        while self._waiting:
            batch = self._waiting[:BATCH]
            await self._tell([_export("Instance", instance) for instance in batch])
            del self._waiting[: len(batch)]

    async def _tell(self, exports: list[Export]) -> None:
        command = LogExports(self._job_id, self._modality, exports)
        await ask(self._bus, "index", command, Done, within=SECONDS)


def _exports(resources: Sequence[str], instances: Sequence[InstanceToSend]) -> list[Export]:
    """One of each resource, in their order; `instances` are all that belongs to them."""
    examples: dict[str, tuple[Level, InstanceToSend]] = {}
    for instance in instances:
        for level, identifier in _belonging(instance):
            examples.setdefault(identifier, (level, instance))
    return [_export(*examples[one]) for one in dict.fromkeys(resources) if one in examples]


def _belonging(instance: InstanceToSend) -> Iterator[tuple[Level, str]]:
    """What an instance belongs to, itself included, with the identifiers."""
    return zip(LEVELS, (*instance.parents, instance.instance_id), strict=True)


def _export(level: Level, instance: InstanceToSend) -> Export:
    return Export(
        level=level,
        resource_id=dict(_belonging(instance))[level],
        patient_id=instance.patient_id,
        study_uid=instance.study_uid,
        series_uid=instance.series_uid,
        sop_instance_uid=instance.sop_instance_uid,
    )
