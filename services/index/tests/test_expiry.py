# SPDX-License-Identifier: Apache-2.0
"""Retention: which studies go by themselves, and all that keeps one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from nats.js.api import AckPolicy, ConsumerConfig

from pons.bus import Bus
from pons.bus.connection import ROUTER, SCRIPTS
from pons.catalog import open_catalog
from pons.dicom.levels import Level
from pons.errors import BadRequest
from pons.health.pulse import Pulse
from pons.jobs import Jobs
from pons.jobs.document import JobRequest
from pons.messages.events import InstanceReceived, Origin
from pons.messages.index import PutLabel
from pons.objects import FileObjects
from pons.retention.judgement import Judge, Verdict
from pons.retention.known import Retention
from pons.retention.rules import open_rules
from pons.retention.waiting import BEHIND, UNTOLD, Waits
from pons.routing.queues import Queues, Waiting
from pons.settings import DatabaseSettings, RetentionSettings, Settings, StorageSettings
from pons_index.client_data import ClientData
from pons_index.expiry import Expiry
from pons_index.fence import Fence
from pons_index.records import Records
from pons_index.statements import SQL
from pons_index.tombstones import FOLDER, Tombstones
from pons_testing.events import ids, received

pytestmark = pytest.mark.anyio
NatsServer = Any
Index = Any

NM = {"When": [{"Origin": "NM*"}], "KeepDays": 30}
FOR_ROOM = {**NM, "Delete": "WhenRoomIsNeeded"}
MEGABYTE = 1024 * 1024


def image(
    patient: int, number: int = 1, aet: str = "NM1", modality: str = "NM", megabytes: int = 0
) -> InstanceReceived:
    """An instance of patient P<patient> that `aet` has sent."""
    event = received(
        f"1.{patient}.{number}",
        patient_id=f"P{patient}",
        study_uid=f"1.{patient}",
        series_uid=f"1.{patient}.0",
        t00080060=("CS", modality),
    )
    size = megabytes * MEGABYTE or event.stored_size
    origin = Origin("DicomProtocol", "127.0.0.1", aet, "PONS")
    return msgspec.structs.replace(event, origin=origin, size=size, stored_size=size)


@dataclass
class Keeper:
    """An index with retention rules."""

    index: Index
    retention: Retention
    expiry: Expiry
    bus: Bus
    objects: FileObjects
    client_data: ClientData
    warnings: dict[str, str]

    async def store(self, *events: InstanceReceived, days: float, stable: bool = True) -> None:
        """Write instances as they would be so many days after they came."""
        assert set(await self.index.write(*events)) == {"Success"}
        studies = [bytes.fromhex(ids(one).study.replace("-", "")) for one in events]
        await self.index.database.pool.execute(
            "UPDATE studies SET last_update = now() - $1::interval WHERE id = ANY ($2)",
            timedelta(days=days),
            studies,
        )
        if stable:
            await self.index.database.pool.execute("DELETE FROM unstable")

    async def left(self) -> list[str]:
        rows = await self.index.fetch("SELECT patient_id FROM patients ORDER BY patient_id")
        return [row["patient_id"] for row in rows]

    async def why(self) -> dict[str, str]:
        """Why studies stay that a rule holds of, by the identifier of the study."""
        verdicts, last = await self.retention.would(0, 100, self.retention.rules.applied())
        assert last is None
        return {one.study.id: one.kept for one in verdicts}

    async def label(self, level: Level, identifier: str, label: str) -> None:
        await self.client_data.put_label(PutLabel(level, identifier, label))


@pytest.fixture
async def bus(broker: NatsServer) -> AsyncIterator[Bus]:
    async with broker.bus() as bus:
        yield bus


@pytest.fixture
def keeping(
    database_settings: DatabaseSettings, index: Index, bus: Bus, objects: FileObjects
) -> Any:
    """`async with keeping({"nm": NM}) as keeper`: the store with these rules."""

    @asynccontextmanager
    async def keeping(
        rules: dict[str, Any],
        storage: dict[str, Any] | None = None,
        *,
        routes: bool = False,
        **more: Any,
    ) -> AsyncIterator[Keeper]:
        settings = Settings(
            database=database_settings,
            storage=StorageSettings(path=Path("unused"), **storage or {}),
            retention=RetentionSettings(rules=rules, **more),
        )
        async with (
            open_catalog(settings, objects) as catalog,
            open_rules(bus, settings) as known,
        ):
            database = index.database
            waits = Waits(bus, catalog, Jobs(bus, settings.jobs), lambda: routes, 0.2)
            judge = Judge(catalog, settings.retention.keeping_labels)
            retention = Retention(settings, catalog, known, judge, waits)
            fence = Fence(database, objects, "the test", Pulse("objects"))
            await fence.begin()
            tombstones, warnings = Tombstones(database, objects), dict[str, str]()
            compared = asyncio.Event()
            expiry = Expiry(database, bus, retention, tombstones, fence, compared, warnings)
            records = Records(database, objects)
            data = ClientData(database, lambda: None, check_revisions=False, records=records)
            yield Keeper(index, retention, expiry, bus, objects, data, warnings)

    return keeping


async def test_what_a_rule_holds_of_goes_when_its_days_are_over(keeping: Any) -> None:
    """With the patient that has nothing left; what is younger, or from elsewhere, stays. It is
    deleted as any deletion is: counted, and noted beside the objects."""
    async with keeping({"nm": NM}) as keeper:
        await keeper.store(image(1), image(1, 2), days=31)
        await keeper.store(image(2), days=29)
        await keeper.store(image(3, aet="CT1"), days=1000)
        assert await keeper.expiry.expire() == 1
        assert await keeper.left() == ["P2", "P3"]
        assert await keeper.index.totals() == await keeper.index.counted()
        assert [one async for one in keeper.objects.notes.names(FOLDER)]
        assert set((await keeper.index.garbage()).values()) == {"deleted"}
        assert await keeper.expiry.expire() == 0
        assert await keeper.expiry.make_room() == 0


@pytest.mark.parametrize("rules", [{}, {"nm": {**NM, "Enabled": False}}])
async def test_without_a_rule_nothing_goes(keeping: Any, rules: dict[str, Any]) -> None:
    """Nor where the only one rests."""
    async with keeping(rules) as keeper:
        await keeper.store(image(1), days=1000)
        assert await keeper.expiry.expire() == 0
        assert await keeper.left() == ["P1"]


async def test_while_a_rule_cannot_be_read_nothing_goes(keeping: Any) -> None:
    """One of a later version, or of an attribute that no dictionary names any more, may be one that
    keeps what others let go. That is an error that can be told, and ends no index."""
    async with keeping({"nm": NM}) as keeper:
        await keeper.store(image(1), days=31)
        await keeper.retention.rules.put("later", {**NM, "Unless": []})
        for look in (keeper.expiry.expire, keeper.expiry.make_room, keeper.why):
            with pytest.raises(BadRequest, match=r"^retention rule 'later': Unless: "):
                await look()
        assert await keeper.left() == ["P1"]
        await keeper.retention.rules.delete("later")
        assert await keeper.expiry.expire() == 1


async def test_all_that_keeps_a_study(keeping: Any) -> None:
    """An instance from elsewhere, a protected patient, a label anywhere in its tree, or instances
    that still come; a dry run says which, and of the first nothing, since no rule holds of it."""
    async with keeping({"nm": NM}) as keeper:
        await keeper.store(image(1), image(1, 2, aet="PHYSICS"), days=31)
        for patient in range(2, 7):
            await keeper.store(image(patient), days=31)
        await keeper.index.database.pool.execute(
            "UPDATE patients SET protected = true WHERE patient_id = 'P2'"
        )
        await keeper.label("Patient", ids(image(3)).patient, "keep")
        await keeper.label("Study", ids(image(4)).study, "keep")
        await keeper.label("Instance", ids(image(5)).instance, "keep")
        await keeper.label("Study", ids(image(6)).study, "other")
        await keeper.store(image(7), days=31, stable=False)
        labelled = "it, its patient or something below it has the label 'keep'"
        assert await keeper.why() == {
            ids(image(2)).study: "its patient is protected",
            ids(image(3)).study: labelled,
            ids(image(4)).study: labelled,
            ids(image(5)).study: labelled,
            ids(image(6)).study: "",
            ids(image(7)).study: "it is not stable yet",
        }
        assert await keeper.expiry.expire() == 1
        assert await keeper.left() == ["P1", "P2", "P3", "P4", "P5", "P7"]


async def test_a_study_that_cannot_be_read_stays(keeping: Any) -> None:
    """And holds up no other: nobody knows what its rules would say."""
    async with keeping({"nm": {**NM, "When": [{"Tag": "Modality", "Is": "NM"}]}}) as keeper:
        await keeper.store(image(1), days=31)
        await keeper.store(image(2), days=31)
        await keeper.index.database.pool.execute(
            "UPDATE headers SET header = 'x' WHERE instance_key = (SELECT min(instance_key)"
            " FROM instances)"
        )
        assert (await keeper.why())[ids(image(1)).study].startswith("it cannot be read")
        assert await keeper.expiry.expire() == 1
        assert await keeper.left() == ["P1"]


async def test_the_rule_that_keeps_longest_counts(keeping: Any) -> None:
    """Also where it holds of one instance alone: what it names is kept as long as it says."""
    longer = {"When": [{"Tag": "Modality", "Is": "PT"}], "KeepDays": 365}
    async with keeping({"a": NM, "b": longer}) as keeper:
        await keeper.store(image(1), image(1, 2, modality="PT"), days=31)
        await keeper.store(image(2), image(2, 2, modality="PT"), days=366)
        await keeper.store(image(3), days=31)
        (kept,) = {kept for kept in (await keeper.why()).values() if kept}
        assert kept.startswith("rule 'b' keeps it until 20")
        assert await keeper.expiry.expire() == 2
        assert await keeper.left() == ["P1"]


async def test_what_comes_while_a_lost_index_is_restored_keeps_its_study(keeping: Any) -> None:
    """What came back has the time of its own arrival again. A study that got another series
    meanwhile, or before, is as young as that; one that has come back alone is old."""
    async with keeping({"nm": NM}) as keeper:
        newer = msgspec.structs.replace(
            received("1.1.2", patient_id="P1", study_uid="1.1", series_uid="1.1.9"),
            origin=image(1).origin,
        )
        back = [image(1), image(2)]
        assert await keeper.index.write(*back, newer) == ["Success"] * 3
        pool = keeper.index.database.pool
        await pool.execute(
            "UPDATE instances SET received_at = now() - interval '100 days' WHERE id = ANY ($1)",
            [bytes.fromhex(ids(one).instance.replace("-", "")) for one in back],
        )
        await pool.execute(
            "INSERT INTO findings (object_key, kind, size, instance_id)"
            " SELECT object_key, 'returned', size, id FROM instances"
            " WHERE received_at < now() - interval '99 days'"
        )
        await pool.execute("DELETE FROM unstable")
        await pool.execute(SQL["settle_times"])
        young = await keeper.index.fetch(
            "SELECT patient_id, p.last_update > now() - interval '1 day' AS young,"
            " s.last_update = p.last_update AS alike"
            " FROM patients p JOIN studies s USING (patient_key) ORDER BY 1"
        )
        assert [tuple(row) for row in young] == [("P1", True, True), ("P2", False, True)]
        assert await keeper.expiry.expire() == 1
        assert await keeper.left() == ["P1"]


async def test_what_something_waits_for_stays(keeping: Any, bus: Bus) -> None:
    """A job that has not finished or is a dead letter, of whatever it names, and the queue of a
    destination keep their studies; a job that has succeeded keeps nothing."""
    async with keeping({"nm": NM}) as keeper:
        for patient in range(1, 6):
            await keeper.store(image(patient), days=31)
        jobs = Jobs(bus, keeper.retention.settings.jobs)

        async def job(resource: str, **changes: Any) -> str:
            request = JobRequest(
                "DicomModalityStore",
                "nobody",
                {"resources": [resource]},
                destination="modality:pacs",
                retry=True,
            )
            job_id = await jobs.submit(request)
            await jobs.change(
                job_id, lambda document, _: msgspec.structs.replace(document, **changes)
            )
            return job_id

        waiting = await job(ids(image(1)).patient)
        dead = await job(ids(image(2)).series, state="Failure", error_code=9)
        await job(ids(image(3)).study, state="Success")
        change = Waiting("r", 1, "NewInstance", "Instance", ids(image(4)).instance, 1.7e9)
        await Queues(bus).put("modality:pacs", change)
        assert await keeper.why() == {
            ids(image(1)).study: f"job {waiting} has not finished",
            ids(image(2)).study: f"job {dead} for modality:pacs failed: see /jobs/dead-letters",
            ids(image(3)).study: "",
            ids(image(4)).study: "it waits for modality:pacs",
            ids(image(5)).study: "",
        }
        assert await keeper.expiry.expire() == 2
        assert await keeper.left() == ["P1", "P2", "P4"]


async def test_nothing_goes_before_rules_were_asked_where_it_goes(keeping: Any, bus: Bus) -> None:
    """A change that routing has not seen may be one that sends the study."""
    async with keeping({"nm": NM}, routes=True) as keeper:
        await keeper.store(image(1), days=31)
        assert set((await keeper.why()).values()) == {BEHIND}  # it is not even published
        await keeper.index.database.pool.execute("UPDATE relay SET relayed = 1000")
        await bus.publish(bus.names.changes, b"a change")
        assert await keeper.expiry.expire() == 0
        feed = await bus.stream.pull_subscribe_bind(ROUTER, stream=bus.names.changes_stream)
        for message in await feed.fetch(10, timeout=5):
            await message.ack_sync()
        assert await keeper.expiry.expire() == 1


@pytest.mark.parametrize("of_jobs", [False, True])
async def test_nothing_goes_before_scripts_have_heard_of_it(
    keeping: Any, bus: Bus, of_jobs: bool
) -> None:
    """A function of Lua may send the study, also without a rule of routing: one that hears of a
    change, or of a job that has ended."""
    jobs = bus.names.jobs_bucket
    stream = f"KV_{jobs}" if of_jobs else bus.names.changes_stream
    reader = ConsumerConfig(durable_name=SCRIPTS, ack_policy=AckPolicy.EXPLICIT)
    await bus.stream.add_consumer(stream, reader)
    async with keeping({"nm": NM}) as keeper:
        await keeper.store(image(1), days=31)
        assert set((await keeper.why()).values()) == {UNTOLD}  # it is not even published
        await keeper.index.database.pool.execute("UPDATE relay SET relayed = 1000")
        subject = f"$KV.{jobs}.tried" if of_jobs else bus.names.changes
        await bus.stream.publish(subject, b"")
        assert await keeper.expiry.expire() == 0
        feed = await bus.stream.pull_subscribe_bind(SCRIPTS, stream=stream)
        for message in await feed.fetch(10, timeout=5):
            await message.ack_sync()
        assert await keeper.expiry.expire() == 1


async def test_what_changes_after_the_judgement_stays(keeping: Any) -> None:
    """An instance that comes, a label that is put or taken, and a protection in the last moment."""
    async with keeping({"nm": NM}) as keeper:
        for patient in range(1, 5):
            await keeper.store(image(patient), days=31)
        await keeper.label("Instance", ids(image(2)).instance, "seen")
        verdicts, _ = await keeper.retention.judge.page(0, 10, keeper.retention.rules.applied())
        assert [one.goes for one in verdicts] == [True] * 4
        await keeper.store(image(1, 2), days=0)
        await keeper.label("Series", ids(image(2)).series, "seen")
        await keeper.label("Patient", ids(image(3)).patient, "keep")
        await keeper.index.database.pool.execute(
            "UPDATE patients SET protected = true WHERE patient_id = 'P4'"
        )
        assert [await keeper.expiry.let_go(one) for one in verdicts] == [False] * 4
        assert await keeper.left() == ["P1", "P2", "P3", "P4"]


async def test_a_rule_that_is_taken_back_keeps_what_is_left(
    keeping: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while studies go by it: many are judged together, and deleted one after the other."""
    async with keeping({"nm": NM}) as keeper:
        for patient in range(1, 4):
            await keeper.store(image(patient), days=31)
        let_go = keeper.expiry.let_go

        async def then_take_back(verdict: Verdict) -> bool:
            gone = await let_go(verdict)
            await keeper.retention.rules.delete("nm")
            return gone

        monkeypatch.setattr(keeper.expiry, "let_go", then_take_back)
        assert await keeper.expiry.expire() == 1
        assert await keeper.left() == ["P2", "P3"]


async def test_more_than_some_at_once_stop_it(keeping: Any) -> None:
    """A clock that jumps, or a rule that holds of everything, deletes nothing; the index says so
    until it is allowed."""
    rules = {"all": {"When": [{"All": []}], "KeepDays": 1}}
    async with keeping(rules) as keeper:
        for patient in range(11):
            await keeper.store(image(patient), days=2)
        assert await keeper.expiry.expire() == 0
        assert "more than the 10 studies" in keeper.warnings["retention"]
        assert len(await keeper.left()) == 11
    async with keeping(rules, most_percent=100) as keeper:
        assert await keeper.expiry.expire() == 11
        assert keeper.warnings == {}


async def test_room_is_made_of_what_came_first(keeping: Any) -> None:
    """Until there is enough of it, and of nothing else; before room is needed it all stays."""
    async with keeping({"nm": FOR_ROOM}, {"maximum_size_mb": 10}, room_percent=60) as keeper:
        await keeper.store(image(1, aet="CT1", megabytes=2), days=100)
        for patient in (2, 3):
            await keeper.store(image(patient, megabytes=2), days=50)
        assert await keeper.expiry.expire() == await keeper.expiry.make_room() == 0
        await keeper.store(image(4, megabytes=2), days=50)
        await keeper.store(image(5, megabytes=1), days=1)
        assert await keeper.expiry.make_room() == 2
        assert await keeper.left() == ["P1", "P4", "P5"]
        await keeper.store(image(6, aet="CT1", megabytes=4), days=100)
        assert await keeper.expiry.make_room() == 1
        assert await keeper.expiry.make_room() == 0  # what is left may not go
        assert "nothing more may go" in keeper.warnings["room"]
        assert await keeper.left() == ["P1", "P5", "P6"]
