# SPDX-License-Identifier: Apache-2.0
"""Storage commitment as SCP: what a modality that asked for it is told, and when."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from nats.js.api import AckPolicy, ConsumerConfig
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, MRImageStorage
from pynetdicom import AE, evt

from pons.bus import Bus
from pons.catalog import StoredObject
from pons.errors import Unavailable
from pons.ingest.backlog import DURABLE
from pons.jobs import Job, Jobs, Worker, submit_commitment
from pons.jobs.commitment import COMMITMENT, JOB_TYPE
from pons.messages.egress import Reference
from pons.messages.modality import Modality
from pons.objects import FileObjects, new_key
from pons.remotes.modalities import open_modalities
from pons.settings import JobsSettings, Settings
from pons_egress.commitment import Committing
from pons_egress.scu.threads import open_threads
from pons_testing.scp import serving

pytestmark = pytest.mark.anyio

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

    async def is_restoring(self) -> bool:
        return self.restoring

    async def instances_named(self, sop_instance_uids: Sequence[str]) -> list[StoredObject]:
        self.asked.update(sop_instance_uids)
        if self.failures:
            raise self.failures.pop(0)
        found = [row for row in self.rows if row.sop_instance_uid in sop_instance_uids]
        self.before_answer()
        self.looked_up.set()
        return found


@pytest.fixture
async def shelf(tmp_path: Any) -> AsyncIterator[Shelf]:
    shelf = Shelf(FileObjects(tmp_path, "main", fsync=False))
    yield shelf
    await shelf.objects.close()


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


async def test_all_is_kept(bus: Bus, shelf: Shelf) -> None:
    """Whole instances, compressed ones too, are committed to by the title that was called."""
    await shelf.add("1.1")
    await shelf.add("1.2", stored_size=60, compression="zstd")
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            job = await asker.ask((CT, "1.1"), (CT, "1.2"))
    assert (job.document.state, job.document.error_details) == ("Success", "")
    assert there.heard == [(1, "1.2.3", ["1.1", "1.2"], {})]
    assert there.callers == [("STORE", "CT1")]
    assert job.content["FailedInstancesCount"] == 0


async def test_each_reason(bus: Bus, shelf: Shelf) -> None:
    """Nothing that is missing, damaged or of another class is committed to."""
    await shelf.add("1.1")
    for uid in ("2.1", "2.2"):
        await shelf.add(uid)
    lost = await shelf.add("3.1")
    await shelf.objects.delete([lost.object_key])
    short = await shelf.add("3.2")
    path = shelf.objects.local_path(short.object_key)
    assert path is not None
    path.chmod(0o600)
    path.write_bytes(bytes(99))
    await shelf.add("4.1", sop_class=MR)
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            job = await asker.ask(
                *((CT, uid) for uid in ("1.1", "3.1", "3.2", "4.1", "5.1")),
                *((MR, "2.1"), (CT, "2.1"), ("nope", "nope2"), (CT, "")),
            )
    assert job.document.state == "Success"
    [(event, _, kept, failed)] = there.heard
    assert (event, kept) == (2, ["1.1", "2.1"])
    assert failed == {
        "3.1": 0x0110,
        "3.2": 0x0110,
        "4.1": 0x0119,
        "5.1": 0x0112,
        "2.1": 0x0119,
        "nope2": 0x0112,
        "": 0x0112,
    }
    assert job.content["FailedInstancesCount"] == 7


async def test_an_instance_of_two_patients(bus: Bus, shelf: Shelf) -> None:
    """What several patients have has to be whole in each of them, and nobody knows who asks."""
    await shelf.add("1.1")
    twin = await shelf.add("1.1")
    await shelf.add("1.2", sop_class=MR)
    await shelf.add("1.2")
    await shelf.objects.delete([twin.object_key])
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            await asker.ask((CT, "1.1"), (CT, "1.2"))
    assert there.heard == [(2, "1.2.3", ["1.2"], {"1.1": 0x0110})]


async def test_what_changes_while_it_is_looked_at(bus: Bus, shelf: Shelf) -> None:
    """An instance that is deleted meanwhile is not there; one that is replaced is."""
    gone, old = await shelf.add("1.1"), await shelf.add("1.2")
    await shelf.objects.delete([gone.object_key, old.object_key])
    new = await shelf.add("1.2")
    shelf.rows.remove(new)

    def change() -> None:
        shelf.rows[:] = [new]

    shelf.before_answer = change
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            await asker.ask((CT, "1.1"), (CT, "1.2"))
    assert there.heard == [(2, "1.2.3", ["1.2"], {"1.1": 0x0112})]


async def test_deleted_before_the_report(bus: Bus, shelf: Shelf) -> None:
    """While the modality is down the answer is open: each try looks again."""
    await shelf.add("1.1")
    with scanner() as there:
        port = there.port
    async with committing(bus, shelf, port) as asker:
        job_id = await asker.submit((CT, "1.1"))
        waiting = await asker.until(job_id, "Retry")
        assert "connection refused" in waiting.document.error_details
        shelf.rows.clear()
        with scanner(port) as there:
            assert (await asker.jobs.wait_for(job_id, 60)).document.state == "Success"
    assert there.heard == [(2, "1.2.3", [], {"1.1": 0x0112})]


async def test_a_database_that_is_away(bus: Bus, shelf: Shelf) -> None:
    """Nothing is reported until it can be told."""
    await shelf.add("1.1")
    shelf.failures = [Unavailable("away"), Unavailable("away")]
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            job_id = await asker.submit((CT, "1.1"))
            await asker.until(job_id, "Retry")
            assert there.heard == []
            assert (await asker.jobs.wait_for(job_id, 60)).document.state == "Success"
    assert there.heard == [(1, "1.2.3", ["1.1"], {})]
    assert len(there.callers) == 1


async def test_objects_that_are_away(bus: Bus, shelf: Shelf) -> None:
    """An object store that does not answer is no lost image."""
    await shelf.add("1.1")
    folder = shelf.objects.spool_folder.parent
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            folder.rename(folder.with_name("unmounted"))
            job_id = await asker.submit((CT, "1.1"))
            await asker.until(job_id, "Retry")
            folder.with_name("unmounted").rename(folder)
            assert (await asker.jobs.wait_for(job_id, 60)).document.state == "Success"
    assert there.heard == [(1, "1.2.3", ["1.1"], {})]


async def test_acknowledged_and_not_indexed(bus: Bus, shelf: Shelf) -> None:
    """What was acknowledged before waits for the index; it is neither denied nor promised."""
    subscription = await bus.stream.pull_subscribe(
        bus.names.received,
        durable=DURABLE,
        stream=bus.names.ingest_stream,
        config=ConsumerConfig(ack_policy=AckPolicy.EXPLICIT),
    )
    await bus.publish(bus.names.received, b"an announcement")
    [announced] = await subscription.fetch(1, timeout=60)
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            job_id = await asker.submit((CT, "1.1"), (CT, "1.2"))
            await asyncio.wait_for(shelf.looked_up.wait(), 60)
            await shelf.add("1.1")
            await announced.ack_sync()
            assert (await asker.jobs.wait_for(job_id, 60)).document.state == "Success"
    assert there.heard == [(2, "1.2.3", ["1.1"], {"1.2": 0x0112})]
    assert shelf.asked["1.1"] == 2


async def test_an_index_that_is_restored(bus: Bus, shelf: Shelf) -> None:
    """While objects come back into it, what it has is no reason to deny what it lacks."""
    await shelf.add("1.1")
    shelf.restoring = True
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            job_id = await asker.submit((CT, "1.1"), (CT, "1.2"))
            assert "may lack some" in (await asker.until(job_id, "Retry")).document.error_details
            await shelf.add("1.2")
            assert (await asker.jobs.wait_for(job_id, 60)).document.state == "Success"
    assert there.heard == [(1, "1.2.3", ["1.1", "1.2"], {})]


async def test_an_index_that_is_as_it_was_before(bus: Bus, shelf: Shelf) -> None:
    """It has an instance with an object that was replaced since; the later one is to come back."""
    old = await shelf.add("1.1")
    await shelf.objects.delete([old.object_key])
    shelf.restoring = True
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            job_id = await asker.submit((CT, "1.1"))
            assert "may lack some" in (await asker.until(job_id, "Retry")).document.error_details
            shelf.rows.clear()
            await shelf.add("1.1")
            assert (await asker.jobs.wait_for(job_id, 60)).document.state == "Success"
    assert there.heard == [(1, "1.2.3", ["1.1"], {})]


async def test_what_comes_back_right_after_it_was_looked_up(bus: Bus, shelf: Shelf) -> None:
    """That the index is whole by then makes no denial of what it lacked before."""
    back = await shelf.add("1.1")
    shelf.rows.clear()
    shelf.restoring = True

    def end() -> None:
        if shelf.asked["1.1"] == 2:
            shelf.rows[:] = [back]
            shelf.restoring = False

    shelf.before_answer = end
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            assert (await asker.ask((CT, "1.1"))).document.state == "Success"
    assert there.heard == [(1, "1.2.3", ["1.1"], {})]


async def test_an_index_that_stands_still(bus: Bus, shelf: Shelf) -> None:
    """While it is behind, no instance is denied: the job waits, and says why."""
    await bus.publish(bus.names.received, b"an announcement")
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            job_id = await asker.submit((CT, "1.1"))
            job = await asker.until(job_id, "Retry")
            assert "The index is behind" in job.document.error_details
            await asker.jobs.cancel(job_id)
    assert there.heard == []
    await bus.stream.purge_stream(bus.names.ingest_stream)


@pytest.mark.parametrize(
    ("status", "tries"), [(0x0110, 2), (0x0213, 2), (0x0115, 1), (0x0211, 1), (0x0112, 1)]
)
async def test_a_report_that_is_refused(bus: Bus, shelf: Shelf, status: int, tries: int) -> None:
    """What the modality may take later is reported again; the rest is a dead letter at once."""
    await shelf.add("1.1")
    with scanner() as there:
        there.statuses = [status]
        async with committing(bus, shelf, there.port) as asker:
            job = await asker.ask((CT, "1.1"))
    assert len(there.heard) == tries
    assert job.document.dead_letter == (tries == 1)
    if job.document.dead_letter:
        assert f"answered N-EVENT-REPORT with status 0x{status:04X}" in job.document.error_details


async def test_roles(bus: Bus, shelf: Shelf) -> None:
    """A modality that says nothing of roles is told; one that refuses ours is not."""
    await shelf.add("1.1")
    with scanner(scu_role=None, scp_role=None) as there:  # type: ignore[arg-type]
        async with committing(bus, shelf, there.port) as asker:
            assert (await asker.ask((CT, "1.1"))).document.state == "Success"
    assert len(there.heard) == 1
    with scanner(scu_role=True, scp_role=False) as there:
        async with committing(bus, shelf, there.port) as asker:
            job = await asker.until(await asker.submit((CT, "1.1")), "Retry")
            await asker.jobs.cancel(job.document.id)
    assert "accepts no presentation context for Storage Commitment" in job.document.error_details
    assert there.heard == []


async def test_a_modality_that_is_none_any_more(bus: Bus, shelf: Shelf) -> None:
    """Without one there is nobody to report to, which people see."""
    await shelf.add("1.1")
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            job = await asker.ask((CT, "1.1"), name="gone")
    assert job.document.dead_letter
    assert "gone" in job.document.error_details


async def test_many_instances(bus: Bus, shelf: Shelf) -> None:
    """20,000 instances are reported whole, and the modality has time for them."""
    many = [(CT, f"1.2.826.0.1.3680043.8.498.{number}") for number in range(20_000)]
    await shelf.add(many[7][1])
    with scanner() as there:
        async with committing(bus, shelf, there.port) as asker:
            job = await asker.jobs.wait_for(await asker.submit(*many), 120)
    assert job.document.state == "Success"
    [(_, _, kept, failed)] = there.heard
    assert (kept, len(failed)) == ([many[7][1]], 19_999)
