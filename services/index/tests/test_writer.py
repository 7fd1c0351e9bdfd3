# SPDX-License-Identifier: Apache-2.0
"""Batches of instances written to a real database."""

import asyncio
import json
import time
from typing import Any

import msgspec
import pytest
import zstandard

from pons.objects import FileObjects, new_key
from pons_index import writer as writer_module
from pons_testing.events import header_json, ids, numbered, received

pytestmark = pytest.mark.anyio
Index = Any
OpenIndex = Any


async def test_an_instance_is_written_with_all_that_hangs_on_it(index: Index) -> None:
    """Every column of the four levels holds what the event said."""
    event = received(
        "1.2.3.4.5",
        content=b"12345",
        t00100010=("PN", "Doe^Jane"),
        t00081030=("LO", "HEAD"),
        t00080060=("CS", "CT"),
        t00181090=("IS", "2"),
        t00200013=("IS", "1"),
    )
    assert await index.write(event) == ["Success"]
    patient, study, series, instance, header = [
        (await index.fetch(f"SELECT * FROM {table}"))[0]
        for table in ("patients", "studies", "series", "instances", "headers")
    ]
    assert patient["patient_id"] == "P1"
    assert json.loads(patient["tags"]) == {"00100010": "Doe^Jane", "00100020": "P1"}
    assert (study["study_uid"], study["patient_key"]) == ("1.2.3", patient["patient_key"])
    assert json.loads(study["tags"]) == {"00081030": "HEAD", "0020000D": "1.2.3"}
    assert study["patient_tags"] == patient["tags"]
    assert (series["series_uid"], series["study_key"]) == ("1.2.3.4", study["study_key"])
    assert json.loads(series["tags"]) == {
        "00080060": "CT",
        "00181090": "2",
        "0020000E": "1.2.3.4",
    }
    assert (series["remote_aet"], series["expected_instances"], series["instances"]) == (
        "CT1",
        2,
        1,
    )
    assert instance["id"].hex() == ids(event).instance.replace("-", "")
    assert instance["series_key"] == series["series_key"]
    assert json.loads(instance["tags"]) == {"00080018": "1.2.3.4.5", "00200013": "1"}
    assert (instance["index_in_series"], instance["object_key"]) == (1, event.object_key)
    assert (instance["size"], instance["stored_size"], instance["checksum"]) == (
        5,
        5,
        event.checksum,
    )
    assert json.loads(instance["origin"]) == {
        "kind": "DicomProtocol",
        "remote_ip": "127.0.0.1",
        "remote_aet": "CT1",
        "called_aet": "PONS",
        "username": "",
    }
    assert instance["received_at"].timestamp() == pytest.approx(event.received_at)
    assert (header["header"], header["header_key"], header["meta"]) == (event.header, None, b"{}")


async def test_changes_come_in_orthancs_order(index: Index) -> None:
    """Instance, series, study, patient; ancestors only when they are new."""
    first, second = received("1.2.3.4.1"), received("1.2.3.4.2")
    other = received("1.2.3.5.1", series_uid="1.2.3.5")
    await index.write(first, second, other)
    assert await index.changes() == [
        ("NewInstance", ids(first).instance),
        ("NewSeries", ids(first).series),
        ("NewStudy", ids(first).study),
        ("NewPatient", ids(first).patient),
        ("NewInstance", ids(second).instance),
        ("NewInstance", ids(other).instance),
        ("NewSeries", ids(other).series),
    ]
    assert await index.value("SELECT array_agg(seq ORDER BY seq) FROM changes") == list(range(1, 8))


async def test_a_batch_is_the_same_as_its_instances_one_by_one(open_index: OpenIndex) -> None:
    """However a stream is cut into batches, the change log and the totals are the same."""
    index = open_index()
    events = [
        received(
            f"1.{study}.{series}.{number}",
            patient_id=f"P{study}",
            study_uid=f"1.{study}",
            series_uid=f"1.{study}.{series}",
            t00200013=("IS", str(number)),
            t00181090=("IS", "2"),
        )
        for number in (1, 2, 3)
        for study in (1, 2)
        for series in (1, 2)
    ]
    await index.write(*events)
    together = await index.changes()
    for study in (1, 2):
        await index.delete("Patient", ids(events[0 if study == 1 else 2]).patient)
    assert await index.changes() == []
    for event in events:
        await index.write(msgspec.structs.replace(event, object_key=new_key()))
    assert await index.changes() == together
    assert await index.totals() == await index.counted() == (2, 2, 4, 12, 84)


async def test_the_first_instance_defines_its_ancestors_tags(index: Index) -> None:
    """A later instance with another name does not rename the patient."""
    await index.write(numbered(1, t00100010=("PN", "Doe^Jane")))
    await index.write(numbered(2, t00100010=("PN", "Roe^Joan")))
    assert json.loads(await index.value("SELECT tags FROM patients"))["00100010"] == "Doe^Jane"


async def test_ancestors_are_dated_by_their_newest_instance(index: Index) -> None:
    """LastUpdate is when that was received, whatever else is written with it or comes late."""
    start = round(time.time()) - 600
    uids = ("1.2.3.4.1", "1.2.3.4.2", "1.2.3.5.1", "1.2.4.1.1")  # of three series
    await index.write(*(arrived(uid, start + age) for age, uid in enumerate(uids)))
    assert await dates(index) == {
        "P1": start + 3,
        "1.2.3": start + 2,
        "1.2.4": start + 3,
        "1.2.3.4": start + 1,
        "1.2.3.5": start + 2,
        "1.2.4.1": start + 3,
    }
    await index.write(arrived("1.2.3.5.2", start + 60))
    before = await dates(index)
    assert {before["P1"], before["1.2.3"], before["1.2.3.5"]} == {start + 60}
    await index.write(arrived("1.2.3.5.3", start + 30))
    after = await dates(index)
    assert after == pytest.approx(before, abs=0.001)
    assert all(after[name] > before[name] for name in ("P1", "1.2.3", "1.2.3.5"))


@pytest.mark.parametrize("years", [-6, 6])
async def test_a_wrong_clock_dates_no_ancestor(index: Index, years: int) -> None:
    """Nothing is old, or of tomorrow, because the machine that received it has lost the time."""
    await index.write(arrived("1.2.3.4.5", time.time() + years * 365 * 86400))
    assert list((await dates(index)).values()) == pytest.approx([time.time()] * 3, abs=60)


async def test_what_replaces_dates_as_what_is_new(open_index: OpenIndex) -> None:
    """The deletion of the former file is not an update of its own."""
    index = open_index(overwrite_instances="Always")
    start = round(time.time()) - 600
    await index.write(arrived("1.2.3.4.5", start), arrived("1.2.3.4.6", start))
    await index.write(arrived("1.2.3.4.5", start + 9))
    assert await dates(index) == {"P1": start + 9, "1.2.3": start + 9, "1.2.3.4": start + 9}


def arrived(uid: str, received_at: float) -> Any:
    """An instance whose UID begins with those of its study and series."""
    series = uid.rpartition(".")[0]
    event = received(uid, series_uid=series, study_uid=series.rpartition(".")[0])
    return msgspec.structs.replace(event, received_at=received_at)


async def dates(index: Index) -> dict[str, float]:
    """The last updates of ancestors by their own identifiers, seconds since 1970."""
    rows = await index.fetch(
        "SELECT patient_id AS name, last_update FROM patients"
        " UNION ALL SELECT study_uid, last_update FROM studies"
        " UNION ALL SELECT series_uid, last_update FROM series"
    )
    return {row["name"]: row["last_update"].timestamp() for row in rows}


async def test_a_series_is_completed_once(index: Index) -> None:
    """CompletedSeries follows the instance that makes the series complete, and only that one."""
    expected = {"t00181090": ("IS", "3")}
    events = [numbered(number, **expected) for number in (2, 3, 1, 4)]
    await index.write(events[0])
    await index.write(*events[1:])
    assert (await index.changes())[-3:] == [
        ("NewInstance", ids(events[2]).instance),
        ("CompletedSeries", ids(events[0]).series),
        ("NewInstance", ids(events[3]).instance),
    ]


@pytest.mark.parametrize(
    "places", [("1", "2", "2"), ("0", "1", "2"), ("1", "2", ""), ("1", "2"), ("1", "2", "4")]
)
async def test_a_series_with_wrong_places_is_not_complete(
    index: Index, places: tuple[str, ...]
) -> None:
    """As many instances as expected are not enough: each place from 1 on must be there once."""
    for number, place in enumerate(places):
        await index.write(received(f"1.{number}", t00200013=("IS", place), t00181090=("IS", "3")))
    assert "CompletedSeries" not in dict(await index.changes())


async def test_a_series_completed_again_is_logged_again(index: Index) -> None:
    """After one of its instances was deleted, the series is complete when it is there again."""
    events = [numbered(number, t00181090=("IS", "2")) for number in (1, 2)]
    await index.write(*events)
    await index.delete("Instance", ids(events[0]).instance)
    await index.write(msgspec.structs.replace(events[0], object_key=new_key()))
    completed = [change for change in await index.changes() if change[0] == "CompletedSeries"]
    assert len(completed) == 2


async def test_no_text_is_refused_for_its_characters(index: Index) -> None:
    """NUL in identifiers, titles and tags is dropped; identifiers stay what ingest made of them."""
    event = received("1.2\0.3", patient_id="P\0X", t00100010=("PN", "A\0B"))
    event = msgspec.structs.replace(
        event, origin=msgspec.structs.replace(event.origin, remote_aet="CT\0X")
    )
    assert await index.write(event) == ["Success"]
    assert await index.value("SELECT patient_id FROM patients") == "PX"
    assert await index.value("SELECT remote_aet FROM series") == "CTX"
    assert await index.value("SELECT id FROM patients") == bytes.fromhex(
        ids(event).patient.replace("-", "")
    )


async def test_a_large_header_is_read_from_its_object(index: Index, objects: FileObjects) -> None:
    """Tags of an instance whose header is an object of its own are indexed all the same."""
    event = received("1.1")
    key = new_key()
    header = header_json("P1", "1.2.3", "1.2.3.4", "1.1", t00100010=("PN", "Doe^Jane"))
    await objects.put(key, zstandard.compress(header))
    event = msgspec.structs.replace(event, header=b"", header_key=key)
    assert await index.write(event) == ["Success"]
    assert json.loads(await index.value("SELECT tags FROM patients"))["00100010"] == "Doe^Jane"
    assert await index.value("SELECT header_key FROM headers") == key


async def test_an_instance_without_its_header_object_is_refused(index: Index) -> None:
    """A header object that is gone is told as such, and does not stop the index."""
    event = msgspec.structs.replace(numbered(1), header=b"", header_key=new_key())
    assert await index.write(event, numbered(2)) == ["", "Success"]
    assert index.refused[0][1] == "the object with its header is missing"


async def test_writers_at_once_make_one_tree(open_index: OpenIndex) -> None:
    """Four writers that get overlapping batches of the same patients leave each instance once."""
    writers = [open_index() for _ in range(4)]
    events = [
        received(
            f"1.{patient}.1.{number}",
            patient_id=f"P{patient}",
            study_uid=f"1.{patient}",
            series_uid=f"1.{patient}.1",
        )
        for number in range(40)
        for patient in range(3)
    ]

    async def write(index: Index, offset: int) -> None:
        own = [*events[offset:], *events[:offset]]
        for start in range(0, len(own), 7):
            assert set(await index.write(*own[start : start + 7])) == {"Success"}

    async with asyncio.TaskGroup() as group:
        for number, index in enumerate(writers):
            group.create_task(write(index, number * 25))
    index = writers[0]
    assert (await index.totals())[:4] == (await index.counted())[:4] == (3, 3, 3, 120)
    assert await index.value("SELECT sum(instances) FROM series") == 120
    assert await index.garbage() == {}
    changes = await index.changes()
    assert len(changes) == len(set(changes)) == 129
    assert await index.value("SELECT max(seq) FROM changes") == 129
    assert await index.deadlocks() == 0


async def test_rows_tell_which_main_tags_were_in_force(open_index: OpenIndex) -> None:
    """Each list of main tags has a number that lasts; ancestors keep theirs."""
    plain = open_index()
    await plain.write(numbered(1, t00080080=("LO", "ACME")))
    extra = {"Series": ["InstitutionName"]}
    first, again = open_index(extra_main_tags=extra), open_index(extra_main_tags=extra)
    other = open_index(extra_main_tags={"Series": ["InstitutionName", "Rows"]})
    await first.write(numbered(2))
    await again.write(received("1.5.1", series_uid="1.5", t00080080=("LO", "ACME")))
    await other.write(numbered(3))
    rows = await plain.fetch("SELECT signature FROM instances ORDER BY instance_key")
    assert [row["signature"] for row in rows] == [0, 1, 1, 2]
    series = await plain.fetch("SELECT signature, tags FROM series ORDER BY series_key")
    assert [row["signature"] for row in series] == [0, 1]
    assert "00080080" not in json.loads(series[0]["tags"])
    assert json.loads(series[1]["tags"])["00080080"] == "ACME"
    kept = json.loads(await plain.value("SELECT tags FROM signatures WHERE signature = 2"))
    assert "00080080" in kept["Series"]
    assert "00280010" in kept["Series"]
    assert list(kept) == ["Study", "Series", "Patient", "Instance"]


async def test_a_series_keeps_the_request_of_its_first_instance(index: Index) -> None:
    """RequestAttributesSequence is kept at the series."""
    item = {"00400007": {"vr": "LO", "Value": ["HEAD"]}}
    await index.write(numbered(1, t00400275=("SQ", item)), received("1.5.1", series_uid="1.5"))
    rows = await index.fetch("SELECT sequences FROM series ORDER BY series_key")
    assert json.loads(rows[0]["sequences"]) == {"00400275": {"vr": "SQ", "Value": [item]}}
    assert rows[1]["sequences"] is None


async def test_each_level_keeps_the_sequences_that_are_listed(open_index: OpenIndex) -> None:
    """Those of ancestors from the first instance, in a list with a number of its own."""
    extra = {
        "Patient": ["PatientBreedCodeSequence"],
        "Study": ["ProcedureCodeSequence"],
        "Instance": ["ReferencedImageSequence"],
    }
    index = open_index(extra_main_tags=extra)
    item = {"00080100": {"vr": "SH", "Value": ["X"]}}
    listed = dict.fromkeys(("t00102293", "t00081032", "t00081140", "t00400275"), ("SQ", item))
    await index.write(numbered(1, **listed), numbered(2))
    for table, tag in (
        ("patients", "00102293"),
        ("studies", "00081032"),
        ("series", "00400275"),
        ("instances", "00081140"),
    ):
        rows = await index.fetch(f"SELECT sequences, signature FROM {table} ORDER BY id")
        kept = [json.loads(row["sequences"]) for row in rows if row["sequences"]]
        assert kept == [{tag: {"vr": "SQ", "Value": [item]}}]
        assert {row["signature"] for row in rows} == {1}


async def test_large_headers_are_written_in_smaller_pieces(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No transaction takes memory for hundreds of the largest headers at once."""
    sizes: list[int] = []
    columns = writer_module.columns

    def counted(batch: Any, *more: Any) -> Any:
        sizes.append(len(batch))
        return columns(batch, *more)

    monkeypatch.setattr(writer_module, "columns", counted)
    monkeypatch.setattr(writer_module, "MAX_HEADERS", 1500)
    events = [numbered(number, t00100010=("PN", "X" * 300)) for number in range(1, 9)]
    large = numbered(9, t00100010=("PN", "X" * 2000))
    assert await index.write(*events, large) == ["Success"] * 9
    assert sum(sizes) == 9
    assert max(sizes) == 2
