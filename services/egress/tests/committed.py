# SPDX-License-Identifier: Apache-2.0
"""A scanner that waits for reports, an index that is asked, and the work between them."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, MRImageStorage
from pynetdicom import AE, evt

from pons.bus import Bus
from pons.catalog import StoredObject
from pons.jobs import Job, Jobs, Worker, submit_commitment
from pons.jobs.commitment import COMMITMENT, JOB_TYPE
from pons.messages.egress import Reference
from pons.messages.modality import Modality
from pons.objects import FileObjects, new_key
from pons.remotes.modalities import open_modalities
from pons.settings import JobsSettings, Settings
from pons_egress.commitment import Committing
from pons_egress.scu.threads import open_threads
from pons_testing.object_folders import Lend
from pons_testing.scp import serving

PUSH = "1.2.840.10008.1.20.1"
CT, MR = str(CTImageStorage), str(MRImageStorage)
SOON = JobsSettings(retries=8, retry_delay=0.1, longest_retry_delay=0.2)


@dataclass
class Scanner:
    """A modality that waits for reports."""

    port: int = 0
    statuses: list[int] = field(default_factory=list)
    """Of the next reports; success when there are none."""
    heard: list[tuple[int, str, list[str], dict[str, int]]] = field(default_factory=list)
    """Event, transaction, instances that are kept, and those that are not with their reasons."""
    callers: list[tuple[str, str]] = field(default_factory=list)

    def hear(self, event: evt.Event) -> tuple[int, Dataset | None]:
        request: Any = event.request
        assert request.AffectedSOPInstanceUID == f"{PUSH}.1"
        told, uid = event.event_information, "ReferencedSOPInstanceUID"
        with disable_value_validation():
            kept = [str(one[uid].value) for one in told.get("ReferencedSOPSequence", [])]
            sequence = told.get("FailedSOPSequence", [])
            failed = {str(one[uid].value): int(one.FailureReason) for one in sequence}
            self.heard.append((request.EventTypeID, str(told.TransactionUID), kept, failed))
        return (self.statuses.pop(0) if self.statuses else 0), None

    def accepted(self, event: evt.Event) -> None:
        asked: Any = event.assoc.requestor.primitive
        self.callers.append((asked.calling_ae_title, asked.called_ae_title))


@contextmanager
def scanner(port: int = 0, **roles: bool) -> Iterator[Scanner]:
    """One that listens; by default it takes the role of the SCU."""
    there, entity = Scanner(), AE("CT1")
    entity.add_supported_context(PUSH, **(roles or {"scu_role": False, "scp_role": True}))
    handlers: Any = [(evt.EVT_N_EVENT_REPORT, there.hear), (evt.EVT_ACCEPTED, there.accepted)]
    with serving(entity, *handlers, port=port) as there.port:
        yield there


@dataclass
class Shelf:
    """An index and its objects; `archive` of the catalog."""

    objects: FileObjects
    rows: list[StoredObject] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    failures: list[Exception] = field(default_factory=list)
    """Of the next questions."""
    before_answer: Callable[[], None] = lambda: None
    restoring: bool = False
    looked_up: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def archive(self) -> "Shelf":
        return self

    async def add(self, uid: str, sop_class: str = CT, **changes: Any) -> StoredObject:
        known: dict[str, Any] = {"object_key": new_key(), "size": 100, "stored_size": 100}
        known |= {"sop_class_uid": sop_class, "sop_instance_uid": uid, "owner": f"instance {uid}"}
        known |= {"compression": "", "transfer_syntax": "1.2.840.10008.1.2"}
        known |= {"pixel_offset": None, "pixel_length": None, "pixel_vr": ""}
        row = StoredObject(**{**known, **changes})
        await self.objects.put(row.object_key, bytes(row.stored_size))
        self.rows.append(row)
        return row

    async def is_restoring(self, within: float) -> bool:
        return self.restoring or within <= 0

    async def instances_named(self, sop_instance_uids: Sequence[str]) -> list[StoredObject]:
        self.asked.update(sop_instance_uids)
        if self.failures:
            raise self.failures.pop(0)
        found = [row for row in self.rows if row.sop_instance_uid in sop_instance_uids]
        self.before_answer()
        self.looked_up.set()
        return found


class Asker:
    """The DICOM port's way to ask for a report."""

    def __init__(self, bus: Bus, port: int) -> None:
        self.jobs = Jobs(bus, SOON)
        self._modality = Modality("CT1", "127.0.0.1", port)

    async def submit(self, *instances: tuple[str, str], name: str = "ct") -> str:
        return await submit_commitment(
            self.jobs,
            name,
            self._modality,
            called_aet="STORE",
            remote_ip="127.0.0.1",
            transaction_uid="1.2.3",
            instances=[Reference(*one) for one in instances],
        )

    async def ask(self, *instances: tuple[str, str], name: str = "ct") -> Job:
        return await self.jobs.wait_for(await self.submit(*instances, name=name), 60)

    async def until(self, job_id: str, state: str) -> Job:
        """Wait until the job is in `state`."""
        deadline = time.monotonic() + 60
        while (job := await self.jobs.get(job_id)).document.state != state:
            assert time.monotonic() < deadline, f"not {state} in time, but {job.document}"
            await asyncio.sleep(0.01)
        return job


@asynccontextmanager
async def committing(bus: Bus, shelf: Shelf, port: int, **described: Any) -> AsyncIterator[Asker]:
    """Egress' worker for reports, with one modality, `ct`, at `port`."""
    ct = {"AET": "CT1", "Host": "127.0.0.1", "Port": port, **described}
    settings = Settings(modalities={"ct": ct}, jobs=SOON)
    async with (
        open_modalities(bus, settings) as modalities,
        open_threads(settings.egress) as threads,
        asyncio.TaskGroup() as group,
    ):
        handler = Committing(bus, shelf.objects, shelf, threads, modalities, settings)
        worker = Worker(bus, SOON, COMMITMENT, {JOB_TYPE: handler}, one_each=True)
        working = group.create_task(worker.run())
        yield Asker(bus, port)
        working.cancel()
        await asyncio.wait((working,))


@pytest.fixture
async def shelf(tmp_path: Path, lend_objects: Lend) -> AsyncIterator[Shelf]:
    lend_objects(tmp_path, "main")
    shelf = Shelf(FileObjects(tmp_path, "main", fsync=False))
    yield shelf
    await shelf.objects.close()
