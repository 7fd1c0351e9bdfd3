# SPDX-License-Identifier: Apache-2.0
"""Files are read again, and what the index keeps of them is rebuilt."""

import io
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import zstandard
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from pons.bus.requests import ask
from pons.errors import NotFound
from pons.ingest import Ingest
from pons.ingest.announce import Announcer
from pons.messages.events import InstanceReceived
from pons.messages.index import Reconstruct, Reconstructed
from pons.objects import FileObjects, new_key
from pons.settings import IngestSettings, Settings, StorageSettings
from pons_index import reconstruct
from pons_index.reconstruct import ReadAgain, Reconstruction
from pons_index.tags import tag_reader
from pons_testing.events import ids, received

pytestmark = pytest.mark.anyio
Index = Any
OpenIndex = Any
OpenStore = Any


def silent_announcer() -> Announcer:
    """One without a bus: reading again announces nothing."""
    no_bus: Any = None
    return Announcer(no_bus)


def file_of(number: int, series: int, **attributes: Any) -> bytes:
    """A DICOM file of study 1.2 whose tags are newer than what `stale` says of it."""
    dataset = Dataset()
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = f"1.2.{series}.{number}"
    dataset.PatientID, dataset.PatientName = "P1", f"New^{number}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2", f"1.2.{series}"
    dataset.StudyDescription = f"STUDY {number}"
    dataset.InstanceNumber = number + 10
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    written = io.BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    return written.getvalue()


async def stale(
    objects: FileObjects, number: int, series: int = 1, **attributes: Any
) -> InstanceReceived:
    """The event of a stored file, as an earlier scan with other ideas would have made it."""
    content = file_of(number, series, **attributes)
    event = received(
        f"1.2.{series}.{number}",
        study_uid="1.2",
        series_uid=f"1.2.{series}",
        content=content,
        t00100010=("PN", "Old^Name"),
    )
    await objects.put(event.object_key, content)
    return event


class Rebuild:
    """Asks for slice after slice, as the gateway does."""

    def __init__(self, index: Index, objects: FileObjects) -> None:
        self._index = index
        self._objects = objects

    async def __call__(
        self, level: Any = None, identifier: str = "", *, compression: bool = False, **more: Any
    ) -> int:
        extra = more.pop("extra", {})
        charset = more.pop("charset", "latin1")
        settings = Settings(
            storage=StorageSettings(compression=compression),
            ingest=IngestSettings(default_charset=charset),
        )
        ingest = Ingest(self._objects, silent_announcer(), settings, lambda: charset)

        @asynccontextmanager
        async def opened() -> AsyncIterator[ReadAgain]:
            yield ingest.read_again

        handler = Reconstruction(self._index.database, opened, tag_reader(extra))
        rebuilt, following = 0, 0
        while following is not None:
            command = Reconstruct(level, identifier, following, **more)
            answer = await handler.reconstruct(command)
            rebuilt, following = rebuilt + answer.instances, answer.next
        return rebuilt


@pytest.fixture
def rebuild(index: Index, objects: FileObjects) -> Rebuild:
    return Rebuild(index, objects)


async def tags(index: Index, table: str, column: str = "tags") -> list[dict[str, str]]:
    rows = await index.fetch(f"SELECT {column} FROM {table} ORDER BY id")
    return [json.loads(row[column]) for row in rows]


async def test_an_instance_gives_its_tags_to_all_above(
    index: Index, objects: FileObjects, rebuild: Rebuild
) -> None:
    """Header and tags of the instance are new, and those of its ancestors are the instance's;
    siblings, totals, changes and what clients wrote stay."""
    events = [await stale(objects, 1), await stale(objects, 2), await stale(objects, 3, series=2)]
    await index.write(*events)
    await index.database.pool.execute(
        "INSERT INTO metadata (resource_key, number, value)"
        " SELECT instance_key, 1024, 'x' FROM instances;"
        "UPDATE patients SET protected = true"
    )
    before = await index.totals(), await index.changes(), await index.garbage()
    updated = await index.value("SELECT last_update FROM series ORDER BY series_key LIMIT 1")
    assert await rebuild("Instance", ids(events[1]).instance) == 1
    assert (await tags(index, "patients"))[0]["00100010"] == "New^2"
    assert (await tags(index, "studies"))[0]["00081030"] == "STUDY 2"
    assert (await tags(index, "studies", "patient_tags"))[0]["00100010"] == "New^2"
    rows = await index.fetch(
        "SELECT index_in_series, header, meta FROM instances JOIN headers USING (instance_key)"
        " ORDER BY instance_key"
    )
    assert [row["index_in_series"] for row in rows] == [None, 12, None]
    assert b"STUDY 2" in zstandard.decompress(rows[1]["header"])
    assert b"00020010" in rows[1]["meta"]
    assert rows[0]["header"] == events[0].header
    assert (await index.totals(), await index.changes(), await index.garbage()) == before
    assert await index.value("SELECT count(*) FROM metadata") == 3
    assert await index.value("SELECT protected FROM patients")
    assert await index.value("SELECT last_update FROM series ORDER BY series_key") == updated


async def test_the_whole_store_in_slices(
    index: Index, objects: FileObjects, rebuild: Rebuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every instance is rebuilt once, however many slices it takes; the newest defines ancestors.
    Again, nothing changes."""
    monkeypatch.setattr(reconstruct, "AT_ONCE", 3)
    events = [await stale(objects, number, series=number % 2) for number in range(7)]
    await index.write(*events)
    assert await rebuild() == 7
    first = await tags(index, "instances"), await tags(index, "series")
    assert sorted(row["00200013"] for row in first[0]) == [str(10 + n) for n in range(7)]
    assert (await tags(index, "patients"))[0]["00100010"] == "New^6"
    assert await rebuild("Patient", ids(events[0]).patient) == 7
    assert await rebuild("Series", ids(events[0]).series) == 4
    assert (await tags(index, "instances"), await tags(index, "series")) == first


async def test_the_level_alone(index: Index, objects: FileObjects, rebuild: Rebuild) -> None:
    """Limited to its level, a study's tags are rebuilt from one instance, and nothing else is."""
    events = [await stale(objects, 1), await stale(objects, 2)]
    await index.write(*events)
    assert await rebuild("Study", ids(events[0]).study, level_only=True) == 1
    assert (await tags(index, "studies"))[0]["00081030"] == "STUDY 2"
    assert (await tags(index, "patients"))[0]["00100010"] == "Old^Name"
    assert await index.value("SELECT max(index_in_series) FROM instances") is None


async def test_objects_change_their_form(
    index: Index, objects: FileObjects, rebuild: Rebuild
) -> None:
    """With `rewrite`, objects become compressed, and plain again, under new keys; totals follow."""
    event = await stale(objects, 1, PatientComments="x" * 10_000)
    await index.write(event)
    await rebuild("Instance", ids(event).instance, compression=True)
    assert await index.value("SELECT object_key FROM instances") == event.object_key
    await rebuild("Instance", ids(event).instance, compression=True, rewrite=True)
    packed = (await index.fetch("SELECT * FROM instances"))[0]
    assert (packed["compression"], packed["size"]) == ("zstd", event.size)
    content = await objects.read(packed["object_key"])
    assert packed["stored_size"] == len(content) < event.size
    assert zstandard.decompress(content) == file_of(1, 1, PatientComments="x" * 10_000)
    assert await index.garbage() == {event.object_key: "replaced"}
    assert await index.value("SELECT stored_size FROM totals") == packed["stored_size"]
    assert await index.write(event) == ["Success"]
    await rebuild(rewrite=True)
    plain = (await index.fetch("SELECT * FROM instances"))[0]
    assert (plain["compression"], plain["stored_size"]) == ("", event.size)
    assert await index.value("SELECT stored_size FROM totals") == event.size
    assert set(await index.garbage()) == {event.object_key, packed["object_key"]}


async def test_a_large_header_gets_a_new_object(
    index: Index, objects: FileObjects, rebuild: Rebuild
) -> None:
    """A header that is too large for a row is replaced as a whole."""
    noise = random.Random(1)
    text = "".join(chr(noise.randrange(0x4E00, 0x9000)) for _ in range(300_000))
    event = await stale(objects, 1, SpecificCharacterSet="ISO_IR 192", TextValue=text)
    old = new_key()
    await objects.put(old, event.header)
    await index.write(msgspec.structs.replace(event, header=b"", header_key=old))
    await rebuild()
    key = await index.value("SELECT header_key FROM headers")
    assert key is not None
    assert text in json.loads(zstandard.decompress(await objects.read(key)))["0040A160"]["Value"]
    assert await index.garbage() == {old: "replaced"}


async def test_files_that_cannot_be_read_are_passed_over(
    index: Index, objects: FileObjects, rebuild: Rebuild
) -> None:
    """One that is gone and one that is damaged keep what the index has of them."""
    events = [await stale(objects, number) for number in (1, 2, 3)]
    await index.write(*events)
    await objects.delete([events[0].object_key])
    path = objects.local_path(events[1].object_key)
    path.write_bytes(b"no DICOM any more")
    assert await rebuild("Series", ids(events[0]).series) == 1
    places = await index.fetch("SELECT index_in_series FROM instances ORDER BY instance_key")
    assert [row["index_in_series"] for row in places] == [None, None, 13]


async def test_an_instance_that_is_replaced_meanwhile_stays_as_it_is(
    index: Index, objects: FileObjects
) -> None:
    """What was read of an object that is no longer the instance's is dropped."""
    event = await stale(objects, 1, PatientComments="x" * 10_000)
    await index.write(event)
    settings = Settings(storage=StorageSettings(compression=True))
    ingest = Ingest(objects, silent_announcer(), settings, lambda: "latin1")

    async def read_slowly(file: Any, *, rewrite: bool) -> InstanceReceived:
        found = await ingest.read_again(file, rewrite=rewrite)
        await index.database.pool.execute("UPDATE instances SET object_key = $1", new_key())
        return found

    @asynccontextmanager
    async def opened() -> AsyncIterator[Any]:
        yield read_slowly

    handler = Reconstruction(index.database, opened, tag_reader({}))
    answer = await handler.reconstruct(Reconstruct(rewrite=True))
    assert answer == Reconstructed(0, None)
    assert await index.value("SELECT compression FROM instances") == ""
    assert list((await index.garbage()).values()) == ["replaced"]


async def test_new_main_tags_reach_what_is_stored(
    index: Index, objects: FileObjects, rebuild: Rebuild
) -> None:
    """Tags that were added to the list come from the files, and rows tell of the new list."""
    event = await stale(objects, 1, InstitutionName="ACME", Rows=7)
    await index.write(event)
    await rebuild(extra={"Series": ["InstitutionName"], "Instance": ["Rows"]})
    assert (await tags(index, "series"))[0]["00080080"] == "ACME"
    assert (await tags(index, "instances"))[0]["00280010"] == "7"
    for table in ("patients", "studies", "series", "instances"):
        assert await index.value(f"SELECT signature FROM {table}") == 1


async def test_new_main_sequences_reach_what_is_stored(
    index: Index, objects: FileObjects, rebuild: Rebuild
) -> None:
    """At each level, from the files."""
    code = Dataset()
    code.CodeValue = "CT1"
    names = {
        "Patient": "PatientBreedCodeSequence",
        "Study": "ProcedureCodeSequence",
        "Series": "RequestAttributesSequence",
        "Instance": "ReferencedImageSequence",
    }
    event = await stale(objects, 1, **{name: [code] for name in names.values()})
    await index.write(event)
    await rebuild(extra={level: [name] for level, name in names.items()})
    for table, tag in (
        ("patients", "00102293"),
        ("studies", "00081032"),
        ("series", "00400275"),
        ("instances", "00081140"),
    ):
        kept = (await tags(index, table, "sequences"))[0]
        item = {"00080100": {"vr": "SH", "Value": ["CT1"]}}
        assert kept == {tag: {"vr": "SQ", "Value": [item]}}
        assert await index.value(f"SELECT signature FROM {table}") == 1


async def test_nothing_to_reconstruct(rebuild: Rebuild) -> None:
    """An unknown resource is told; an empty store is fine."""
    assert await rebuild() == 0
    for identifier in ("nobody", "00000000-00000000-00000000-00000000-00000000"):
        with pytest.raises(NotFound):
            await rebuild("Study", identifier)


async def test_the_command(open_store: OpenStore) -> None:
    """The service answers it with the real way in behind it."""
    async with open_store() as store, store.replica():
        event = await stale(store.objects, 1)
        await store.announce(event)
        await store.answered(event)
        command = Reconstruct("Patient", ids(event).patient)
        assert await ask(store.bus, "index", command, Reconstructed) == Reconstructed(1, None)
        assert "New^1" in await store.value("SELECT tags FROM patients")
