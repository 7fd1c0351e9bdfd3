# SPDX-License-Identifier: Apache-2.0
"""What the index cannot write is set aside, told, and tried again; nothing else is held up."""

import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from prometheus_client import generate_latest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from pons.bus.requests import ask
from pons.catalog import open_catalog
from pons.catalog.dead_letters import DeadLetters
from pons.dicom.identity import to_text
from pons.errors import InvalidInstance, NotFound
from pons.health.readiness import Health
from pons.ingest import open_ingest
from pons.messages.events import Announcement, Origin
from pons.messages.index import DismissDeadLetter, Retried, RetryDeadLetters
from pons.messages.services import Done, HealthReport, ReportHealth
from pons.settings import IngestSettings
from pons_index import consumer as consumer_module
from pons_index import writer as writer_module
from pons_index.service import open_service
from pons_testing.events import received
from pons_testing.waiting import until

from .conftest import Index, OpenStore, Store

pytestmark = pytest.mark.anyio


def dicom_file(sop_instance_uid: str) -> bytes:
    """A small file in explicit little endian."""
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.SOPInstanceUID = sop_instance_uid
    dataset.PatientID, dataset.StudyInstanceUID = "P1", "1.2.3"
    dataset.SeriesInstanceUID = "1.2.3.4"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.1")
    written = io.BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    return written.getvalue()


@pytest.fixture
def fault(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """A bug of the index: it falls over instances whose UID ends in 666, until it is mended."""
    describe = writer_module.describe
    broken = [True]

    def falls(reader: Any, arrival: Any, header: bytes, *, first: bool) -> Any:
        if broken[0] and arrival.event.sop_instance_uid.endswith("666"):
            raise KeyError("DOE^JANE")
        return describe(reader, arrival, header, first=first)

    monkeypatch.setattr(writer_module, "describe", falls)
    return lambda is_broken: broken.__setitem__(0, is_broken)


async def test_poison_does_not_hold_up_the_rest(index: Index, fault: Any) -> None:
    """What nobody expected is set aside after some tries alone; the rest of its batch is there."""
    events = [received(f"1.2.{number}") for number in (1, 2, 3)]
    events.insert(1, received("1.2.666"))
    assert await index.write(*events) == ["Success", "", "Success", "Success"]
    [(arrival, reason)] = index.refused
    assert arrival.event == events[1]
    assert reason.startswith("an error in the index: KeyError in test_dead_letters.py line ")
    assert "rows.py" not in reason
    assert "writer.py" in reason
    assert "DOE" not in reason
    assert await index.write(events[0]) == ["Success"]


async def test_a_trigger_of_somebody_s_does_not_hold_up_the_rest(index: Index) -> None:
    """An exception in the database that nobody foresaw is set aside as one in the index is."""
    await index.database.pool.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.sop_instance_uid LIKE '%.666' THEN RAISE EXCEPTION 'not on my watch'; END IF;"
        " RETURN NEW; END $$;"
        " CREATE TRIGGER refuse BEFORE INSERT ON instances"
        " FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    events = [received("1.2.1"), received("1.2.666"), received("1.2.2")]
    assert await index.write(*events) == ["Success", "", "Success"]
    [(arrival, reason)] = index.refused
    assert arrival.event == events[1]
    assert reason.startswith("an error in the index: RaiseError")


async def test_what_is_too_slow_alone_is_set_aside(
    open_index: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement that takes too long each time is one instance's matter, not the database's."""
    index = open_index()
    pool = index.database.pool
    await pool.execute(
        "CREATE FUNCTION doze() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep(5); RETURN NEW; END $$"
    )
    await pool.execute(
        "CREATE TRIGGER doze BEFORE INSERT ON instances FOR EACH ROW"
        " WHEN (NEW.sop_instance_uid = '1.2.2') EXECUTE FUNCTION doze()"
    )
    name = await pool.fetchval("SELECT current_database()")
    await pool.execute(f"ALTER DATABASE {name} SET statement_timeout = '1s'")
    monkeypatch.setitem(pool._connect_kwargs["server_settings"], "statement_timeout", "150ms")
    await pool.expire_connections()
    events = [received(f"1.2.{number}") for number in (1, 2, 3)]
    assert await index.write(*events) == ["Success", "", "Success"]
    assert "needs longer than" in index.refused[0][1]


@asynccontextmanager
async def opened(store: Store) -> AsyncIterator[tuple[Health, Any, DeadLetters]]:
    """A replica, the way in, and what readers see."""
    health = Health("index")
    patient = IngestSettings(answer_timeout=60)  # the machine may be busy
    settings = store.settings.model_copy(update={"ingest": patient})
    async with (
        open_service(settings, health),
        open_ingest(store.objects, store.bus, settings) as ingest,
        open_catalog(settings, store.objects) as catalog,
    ):
        health.started = True
        yield health, ingest, catalog.dead_letters


async def counted(health: Health, number: int) -> None:
    """Wait until the health tells of so many dead letters."""

    async def tells() -> bool:
        said = health.warnings.get("dead letters", "0")
        return int(said.split()[0]) == number

    await until(tells)


async def test_a_dead_letter_is_listed_told_and_tried_again(
    open_store: OpenStore, fault: Any
) -> None:
    """Its sender hears so, health and metrics count it; once mended it is in the index, once."""
    async with open_store() as store, opened(store) as (health, ingest, letters):
        origin = Origin("DicomProtocol", remote_aet="CT1", remote_ip="10.0.0.1", called_aet="PONS")
        with pytest.raises(InvalidInstance, match="an error in the index"):
            await ingest.store(dicom_file("1.2.666"), origin)
        await counted(health, 1)
        report = await health.readiness()
        assert report["ready"] is True
        # Beside it there may be that all objects are compared, as long as they are.
        said = report["warnings"]["dead letters"]
        assert said == "1 could not be indexed: see GET /tools/dead-letters"
        await health.measure()
        assert b"pons_index_dead_letters 1.0" in generate_latest()
        assert (await ask(store.bus, "index", ReportHealth(), HealthReport)).warnings
        [letter] = await letters.listed(0, 10)
        [instance] = letter.instances
        assert instance.sop_instance_uid == "1.2.666"
        assert letter.object_key == instance.object_key
        retry = RetryDeadLetters([letter.number])
        failed = await ask(store.bus, "index", retry, Retried)
        assert list(failed.failed) == [letter.number]
        [again] = await letters.listed(0, 10)
        assert (again.number, again.tried is not None) == (letter.number, True)
        fault(False)
        everything = RetryDeadLetters()
        assert await ask(store.bus, "index", everything, Retried) == Retried(
            [letter.number], {}, None
        )
        await counted(health, 0)
        assert await letters.listed(0, 10) == []
        assert await store.value("SELECT count(*) FROM refused") == 0
        row = await store.database.pool.fetchrow("SELECT id, object_key, origin FROM instances")
        assert (row["object_key"], json.loads(row["origin"])["remote_aet"]) == (
            letter.object_key,
            "CT1",
        )
        assert await ask(store.bus, "index", everything, Retried) == Retried([], {}, None)
        with pytest.raises(NotFound):
            await ask(store.bus, "index", retry, Retried)


async def test_one_that_is_dismissed_stays(open_store: OpenStore, fault: Any) -> None:
    """It is not counted any more; its file is kept, and it can still be tried again by number."""
    async with open_store() as store, opened(store) as (health, ingest, letters):
        with pytest.raises(InvalidInstance):
            await ingest.store(dicom_file("1.2.666"), Origin("RestApi"))
        await counted(health, 1)
        [letter] = await letters.listed(0, 10)
        assert await ask(store.bus, "index", DismissDeadLetter(letter.number), Done) == Done()
        await counted(health, 0)
        assert await letters.listed(0, 10) == []
        found = await letters.find(letter.number)
        assert found is not None
        assert found.dismissed is not None
        assert await store.objects.size(letter.object_key) > 0
        fault(False)
        assert await ask(store.bus, "index", RetryDeadLetters(), Retried) == Retried([], {}, None)
        retried = await ask(store.bus, "index", RetryDeadLetters([letter.number]), Retried)
        assert retried.indexed == [letter.number]
        assert await store.value("SELECT count(*) FROM instances") == 1
        with pytest.raises(NotFound):
            await ask(store.bus, "index", DismissDeadLetter(12345), Done)


async def test_what_cannot_be_read_is_noted_once(open_store: OpenStore) -> None:
    """A message that is none of ours comes again after a crash, and is one dead letter, not two."""
    async with open_store() as store, opened(store) as (health, _ingest, letters):
        for payload in (b"no announcement", b"no announcement", b"x" * 1_000_000):
            await store.bus.publish(store.bus.names.received, payload)
        await counted(health, 2)
        first, second = await letters.listed(0, 10)
        assert (first.instances, first.object_key, second.instances) == ([], None, [])
        retried = await ask(store.bus, "index", RetryDeadLetters(), Retried)
        assert sorted(retried.failed) == [first.number, second.number]
        assert "cannot be read" in retried.failed[first.number]


async def test_a_bug_that_meets_every_instance_is_unready(
    open_store: OpenStore, fault: Any
) -> None:
    """Where one after the other fails, it is not about them: somebody has to look at once."""
    async with open_store() as store, opened(store) as (health, _ingest, _letters):

        async def unready() -> bool:
            return "an error in the index" in (await health.failures()).get("consumer", "")

        async def ready() -> bool:
            return not await health.failures()

        bad = [received(f"1.{number}.666") for number in range(4)]
        await store.announce(*bad)
        assert await store.answered(*bad) == [""] * 4
        await until(unready)
        good = received("1.1")
        await store.announce(good)
        assert await store.answered(good) == ["Success"]
        await until(ready)
        await counted(health, 4)


async def test_an_announcement_that_fails_when_it_is_read_holds_up_none(
    open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug before anything is known of an instance: its message is set aside, and tried again."""
    arrivals = consumer_module.arrivals

    def falls(announcement: Announcement) -> Any:
        if announcement.process == "poison":
            raise RecursionError("too deep")
        return arrivals(announcement)

    async with open_store() as store, opened(store) as (health, ingest, letters):
        stored = await ingest.store(dicom_file("1.2.5"), Origin("RestApi"))
        key = await store.value("SELECT object_key FROM instances")
        await store.value("DELETE FROM headers")
        await store.value("DELETE FROM instances")
        monkeypatch.setattr(consumer_module, "arrivals", falls)
        poison = msgspec.structs.replace(received("1.2.5"), object_key=key)
        good = received("1.1")
        await store.announce(poison, process="poison")
        await store.announce(good)
        assert await store.answered(good) == ["Success"]
        await counted(health, 1)
        [letter] = await letters.listed(0, 10)
        assert letter.reason == "RecursionError while it was read"
        assert [one.object_key for one in letter.instances] == [key]
        retried = await ask(store.bus, "index", RetryDeadLetters(), Retried)
        assert retried == Retried([letter.number], {}, None)
        await counted(health, 0)
        rows = await store.database.pool.fetch(
            "SELECT id FROM instances WHERE object_key = $1", key
        )
        assert [to_text(row["id"]) for row in rows] == [stored.ids.instance]


async def test_many_letters_come_in_pages(open_store: OpenStore) -> None:
    """Listing and trying again go on behind the last one."""
    async with open_store() as store, opened(store) as (_health, _ingest, letters):
        await store.value(
            "INSERT INTO refused (object_key, reason)"
            " SELECT gen_random_uuid(), 'test' FROM generate_series(1, 45)"
        )
        numbers = [letter.number for letter in await letters.listed(0, 1000)]
        assert len(numbers) == 45
        assert [letter.number for letter in await letters.listed(numbers[2], 30)] == numbers[3:33]
        failed: list[int] = []
        following: int | None = 0
        while following is not None:
            part = RetryDeadLetters(after=following)
            answer = await ask(store.bus, "index", part, Retried)
            failed += answer.failed
            following = answer.next
        assert failed == numbers
