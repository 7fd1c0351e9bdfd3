# SPDX-License-Identifier: Apache-2.0
"""Worklist entries over REST: what becomes of them in commands to the index, and how they look."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from pons.catalog.worklists import KeptWorklist
from pons.errors import Conflict, NotFound
from pons.header.repertoire import Repertoire
from pons.header.write import write_dataset
from pons.messages.index import DeleteWorklist, PutWorklist
from pons.messages.services import Done
from pons.settings import Settings, StoreSettings, WorklistsSettings

from ..conftest import Open, Store

pytestmark = pytest.mark.anyio

ID = UUID("0192f0c1-7a3b-7c11-9f6e-2d5c8a4b9e10")
STEP = {"Modality": "CT", "ScheduledProcedureStepStartDate": "20240105"}
TAGS: dict[str, Any] = {
    "PatientName": "Roë^Richard",
    "0020,000d": "1.2.3",
    "ScheduledProcedureStepSequence": [STEP],
}
STORED: dict[str, Any] = {
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Roë^Richard"}]},
    "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
    "00400100": {
        "vr": "SQ",
        "Value": [
            {
                "00080060": {"vr": "CS", "Value": ["CT"]},
                "00400002": {"vr": "DA", "Value": ["20240105"]},
            }
        ],
    },
}


@pytest.fixture(autouse=True)
def answering(store: Store) -> Store:
    store.services.answers |= {PutWorklist: Done(), DeleteWorklist: Done()}
    return store


def asked(store: Store) -> Any:
    (command,) = [command for _, command in store.services.commands]
    return command


async def test_an_entry_is_made_of_names_and_values(
    client: httpx.AsyncClient, store: Store
) -> None:
    """It becomes DICOM JSON, and the index learns on which day to look for it."""
    answer = await client.post("/worklists/create", json={"Tags": TAGS})
    command = asked(store)
    assert answer.status_code == 200
    assert answer.json() == {
        "ID": str(command.worklist_id),
        "Path": f"/worklists/{command.worklist_id}",
    }
    assert msgspec.json.decode(command.tags) == STORED
    assert (command.first_day, command.last_day, command.study_uid) == (
        "20240105",
        "20240105",
        "1.2.3",
    )
    assert not command.replace


async def test_an_entry_is_made_of_a_file(client: httpx.AsyncClient, store: Store) -> None:
    """As dump2dcm makes it: with preamble and meta header, or without."""
    file = write_dataset(STORED, "1.2.840.10008.1.2.1", Repertoire("ISO_IR 100"))
    answer = await client.post("/worklists", content=file)
    assert answer.status_code == 200
    charset = {"00080005": {"vr": "CS", "Value": ["ISO_IR 100"]}}
    assert msgspec.json.decode(asked(store).tags) == charset | STORED


async def test_a_study_uid_is_made_where_there_is_none(open_client: Open, store: Store) -> None:
    """So that the images of all modalities of an examination are one study; a setting says no."""
    tags = {name: value for name, value in TAGS.items() if name != "0020,000d"}
    async with open_client() as client:
        await client.post("/worklists/create", json={"Tags": tags})
    assert asked(store).study_uid.startswith("2.25.")
    store.services.commands.clear()
    settings = Settings(worklists=WorklistsSettings(set_study_uid=False))
    async with open_client(settings) as client:
        await client.post("/worklists/create", json={"Tags": tags})
    assert asked(store).study_uid == ""


async def test_days_of_several_steps(client: httpx.AsyncClient, store: Store) -> None:
    """From the first to the last; the study of one of them ends not the others."""
    steps = [STEP, STEP | {"ScheduledProcedureStepStartDate": "20240103"}]
    await client.post(
        "/worklists/create", json={"Tags": TAGS | {"ScheduledProcedureStepSequence": steps}}
    )
    command = asked(store)
    assert (command.first_day, command.last_day, command.study_uid) == ("20240103", "20240105", "")


@pytest.mark.parametrize(
    ("tags", "status", "told"),
    [
        ({"PatientID": "1"}, 400, "Modality"),
        (
            {"ScheduledProcedureStepSequence": [{"Modality": "CT"}]},
            400,
            "ScheduledProcedureStepStartDate",
        ),
        (TAGS | {"PatientBirthDate": "1.2.1980"}, 400, "0010,0030"),
        (TAGS | {"PatientBirthDate": "20240231"}, 400, "0010,0030"),
        (TAGS | {"PregnancyStatus": "many"}, 400, "0010,21c0"),
        (TAGS | {"PatientName": ["a"]}, 400, "0010,0010"),
        (TAGS | {"PatientName": {"a": "b"}}, 400, "0010,0010"),
        (TAGS | {"ScheduledProcedureStepSequence": "CT"}, 400, "0040,0100"),
        (TAGS | {"ScheduledProcedureStepSequence": ["CT"]}, 400, "0040,0100"),
        (TAGS | {"NoSuchTag": "x"}, 400, "NoSuchTag"),
        (TAGS | {"0010,0010": "x"}, 400, "twice"),
        (TAGS | {"SpecificCharacterSet": "ISO_IR 999"}, 400, "ISO_IR 999"),
        (TAGS | {"0020,000d": "1.2." + "3" * 3000}, 400, "StudyInstanceUID has 3004 characters"),
        (TAGS | {"PatientComments": "x" * 300_000}, 413, "bytes"),
    ],
)
async def test_what_is_no_entry_is_refused(
    client: httpx.AsyncClient, store: Store, tags: dict[str, Any], status: int, told: str
) -> None:
    """With the attribute that is wrong: a modality would not find the patient."""
    answer = await client.post("/worklists/create", json={"Tags": tags})
    assert answer.status_code == status
    assert told in answer.json()["Details"]
    assert store.services.commands == []


async def test_force_takes_an_entry_without_a_step(client: httpx.AsyncClient, store: Store) -> None:
    """Whoever asks for it may leave out what modalities look for."""
    answer = await client.post(
        "/worklists/create", json={"Tags": {"PatientID": "1"}, "Force": True}
    )
    assert answer.status_code == 200
    assert (asked(store).first_day, asked(store).last_day) == ("", "")


async def test_what_is_no_file_is_refused(client: httpx.AsyncClient, store: Store) -> None:
    """Neither text nor an image becomes an entry."""
    assert (await client.post("/worklists", content=b"hello")).status_code == 400
    image = write_dataset(
        STORED | {"7FE00010": {"vr": "OW", "InlineBinary": "AAAA"}},
        "1.2.840.10008.1.2.1",
        Repertoire("ISO_IR 100"),
    )
    answer = await client.post("/worklists", content=image)
    assert answer.status_code == 400
    assert "image" in answer.json()["Details"]
    assert store.services.commands == []


@pytest.mark.parametrize(
    ("query", "name", "shown"),
    [
        ("", "PatientName", "Roë^Richard"),
        ("?format=Simplify", "PatientName", "Roë^Richard"),
        ("?format=Short", "0010,0010", "Roë^Richard"),
        (
            "?format=Full",
            "0010,0010",
            {"Name": "PatientName", "Type": "String", "Value": "Roë^Richard"},
        ),
    ],
)
async def test_entries_are_shown(
    client: httpx.AsyncClient, store: Store, query: str, name: str, shown: Any
) -> None:
    """All, or one, with the attributes in the format that is asked for."""
    moment = datetime(2024, 1, 2, 10, 11, 12, tzinfo=UTC)
    store.catalog.kept = [KeptWorklist(ID, msgspec.json.encode(STORED), moment, moment)] * 3
    listed = (await client.get(f"/worklists{query}")).json()
    assert len(listed) == 3
    one = (await client.get(f"/worklists/{ID}{query}")).json()
    assert one == listed[0]
    assert (one["ID"], one["CreationDate"]) == (str(ID), "20240102T101112")
    assert one["Tags"][name] == shown


async def test_an_unknown_format_is_refused(client: httpx.AsyncClient) -> None:
    """Not taken for another one."""
    assert (await client.get("/worklists?format=Xml")).status_code == 400


async def test_an_entry_is_replaced_and_ended(client: httpx.AsyncClient, store: Store) -> None:
    """By its identifier."""
    answer = await client.put(f"/worklists/{ID}", json={"Tags": TAGS})
    assert (answer.status_code, answer.json()["ID"]) == (200, str(ID))
    assert asked(store).replace
    store.services.commands.clear()
    answer = await client.delete(f"/worklists/{ID}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert asked(store) == DeleteWorklist(ID)


async def test_only_what_was_read_is_changed(client: httpx.AsyncClient, store: Store) -> None:
    """Where `If-Match` names the ETag of what was read; what somebody changed meanwhile stays."""
    moment = datetime(2024, 1, 2, microsecond=7, tzinfo=UTC)
    store.catalog.kept = [KeptWorklist(ID, msgspec.json.encode(STORED), moment, moment)]
    etag = (await client.get(f"/worklists/{ID}")).headers["etag"]
    assert etag == '"1704153600000007"'
    await client.put(f"/worklists/{ID}", json={"Tags": TAGS}, headers={"If-Match": etag})
    assert asked(store).revision == 1704153600000007
    store.services.commands.clear()
    gone = Conflict("Worklist was changed meanwhile")
    store.services.answers |= {PutWorklist: gone, DeleteWorklist: gone}
    for answer in (
        await client.put(f"/worklists/{ID}", json={"Tags": TAGS}, headers={"If-Match": '"1"'}),
        await client.delete(f"/worklists/{ID}", headers={"If-Match": '"1"'}),
    ):
        assert (answer.status_code, answer.json()["OrthancError"]) == (409, "Bad revision number")
    assert store.services.commands[-1][1] == DeleteWorklist(ID, 1)


async def test_a_replaced_entry_keeps_its_study(client: httpx.AsyncClient, store: Store) -> None:
    """A modality may be making images of it: a new UID would make two studies of them."""
    moment = datetime(2024, 1, 2, tzinfo=UTC)
    kept = KeptWorklist(ID, msgspec.json.encode(STORED), moment, moment)
    store.catalog.kept = [kept]
    tags = {name: value for name, value in TAGS.items() if name != "0020,000d"}
    await client.put(f"/worklists/{ID}", json={"Tags": tags})
    assert asked(store).study_uid == "1.2.3"
    assert msgspec.json.decode(asked(store).tags) == STORED


async def test_what_is_not_there_is_not_found(client: httpx.AsyncClient, store: Store) -> None:
    """Whether the identifier could be one, or not."""
    gone = NotFound("There is no such worklist")
    store.services.answers |= {PutWorklist: gone, DeleteWorklist: gone}
    for name in (str(ID), "x"):
        for answer in (
            await client.get(f"/worklists/{name}"),
            await client.put(f"/worklists/{name}", json={"Tags": TAGS}),
            await client.delete(f"/worklists/{name}"),
        ):
            assert answer.status_code == 404


async def test_a_store_that_is_read_only_shows_them(open_client: Open, store: Store) -> None:
    """It makes and ends none."""
    async with open_client(Settings(store=StoreSettings(read_only=True))) as client:
        assert (await client.get("/worklists")).json() == []
        assert (await client.post("/worklists/create", json={"Tags": TAGS})).status_code != 200
        assert (await client.delete(f"/worklists/{ID}")).status_code == 405
    assert store.services.commands == []
