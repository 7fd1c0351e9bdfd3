# SPDX-License-Identifier: Apache-2.0
"""Worklist entries as Explorer shows and writes them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from pons.catalog.worklists import KeptWorklist
from pons.header.repertoire import Repertoire
from pons.header.write import write_dataset
from pons.messages.index import PutWorklist
from pons.messages.services import Done
from pons.settings import Settings, StoreSettings
from pons.worklists.folder import WorklistFolder

from ..conftest import Open, Store

pytestmark = pytest.mark.anyio

ID = UUID("0192f0c1-7a3b-7c11-9f6e-2d5c8a4b9e10")
KEPT: dict[str, Any] = {
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Roë^Richard"}]},
    "00100020": {"vr": "LO", "Value": ["P1"]},
    "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
    "00400100": {
        "vr": "SQ",
        "Value": [
            {
                "00080060": {"vr": "CS", "Value": ["CT"]},
                "00400002": {"vr": "DA", "Value": ["20240105"]},
                "00400009": {"vr": "SH", "Value": ["S1"]},
            },
            {"00080060": {"vr": "CS", "Value": ["MR"]}},
        ],
    },
    "00431010": {"vr": "UN", "InlineBinary": "AAEC"},
}
FIELDS = {
    "PatientName": "Roë^Richard",
    "PatientID": "P1",
    "Modality": "CT",
    "ScheduledProcedureStepStartDate": "20240105",
}


@pytest.fixture(autouse=True)
def entry(store: Store) -> None:
    moment = datetime(2024, 1, 2, tzinfo=UTC)
    store.catalog.worklists.kept.append(KeptWorklist(ID, msgspec.json.encode(KEPT), moment, moment))
    store.services.answers[PutWorklist] = Done()


def written(store: Store) -> tuple[PutWorklist, Any]:
    ((_, command),) = store.services.commands
    return command, msgspec.json.decode(command.tags)


async def test_entries_and_files(open_client: Open, tmp_path: Path) -> None:
    """Each says where it comes from; a file that is none says why, and is in the way of none."""
    (tmp_path / "CT1").mkdir()
    content = write_dataset(KEPT, "1.2.840.10008.1.2.1", Repertoire("ISO_IR 192"))
    (tmp_path / "CT1" / "one.wl").write_bytes(content)
    (tmp_path / "two.wl").write_bytes(b"no DICOM")
    folder = WorklistFolder(tmp_path, 10, lambda: "latin1")
    async with open_client(worklist_folder=folder) as client:
        told = (await client.get("/explorer/api/worklists")).json()
    assert (told["more"], told["hasFolder"], told["folderProblem"]) == (False, True, "")
    kept, bad, good = told["entries"]
    assert (kept["revision"], good["revision"]) == (1704153600000000, 0)
    assert (kept["id"], kept["file"], kept["steps"]) == (str(ID), "", 2)
    assert kept["fields"]["ScheduledProcedureStepStartDate"] == "20240105"
    assert kept["fields"]["ScheduledStationAETitle"] == ""
    assert (bad["file"], bad["id"]) == ("two.wl", "")
    assert bad["problem"]
    assert (good["file"], good["problem"]) == ("CT1/one.wl", "")
    assert good["fields"] == kept["fields"]


async def test_a_folder_that_is_away(open_client: Open, tmp_path: Path) -> None:
    """What the store keeps is shown all the same."""
    folder = WorklistFolder(tmp_path / "none", 10, lambda: "latin1")
    async with open_client(worklist_folder=folder) as client:
        told = (await client.get("/explorer/api/worklists")).json()
    assert "cannot be read" in told["folderProblem"]
    assert [one["id"] for one in told["entries"]] == [str(ID)]


async def test_a_change_leaves_all_else(client: httpx.AsyncClient, store: Store) -> None:
    """Private attributes, further steps and attributes of the step that no form has."""
    body = FIELDS | {"ScheduledStationAETitle": "CT1", "PatientID": "P2"}
    answer = await client.put(f"/explorer/api/worklists/{ID}", json=body)
    assert answer.status_code == 200, answer.text
    command, elements = written(store)
    assert (command.worklist_id, command.replace) == (ID, True)
    assert elements["00100020"]["Value"] == ["P2"]
    assert elements["00431010"] == KEPT["00431010"]
    first, second = elements["00400100"]["Value"]
    assert first["00400001"]["Value"] == ["CT1"]
    assert first["00400009"]["Value"] == ["S1"]
    assert second == KEPT["00400100"]["Value"][1]


async def test_a_new_entry(client: httpx.AsyncClient, store: Store) -> None:
    """It has what was written, a UID, and nothing else."""
    answer = await client.post("/explorer/api/worklists", json=FIELDS)
    command, elements = written(store)
    assert answer.json()["ID"] == str(command.worklist_id)
    assert sorted(elements) == ["00100010", "00100020", "0020000D", "00400100"]
    assert (command.first_day, command.replace) == ("20240105", False)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"PatientID": " "}, "PatientID: An entry needs it"),
        ({"Modality": ""}, "Modality: An entry needs it"),
        (
            {"ScheduledProcedureStepStartTime": "25 past"},
            "ScheduledProcedureStepStartTime: ",
        ),
    ],
)
async def test_what_is_wrong_is_named(
    client: httpx.AsyncClient, store: Store, change: dict[str, str], told: str
) -> None:
    """So that it can be told beside its field; nothing is written."""
    answer = await client.put(f"/explorer/api/worklists/{ID}", json=FIELDS | change)
    assert answer.status_code == 400
    assert answer.json()["Details"].startswith(told)
    assert store.services.commands == []


async def test_an_entry_that_ended_meanwhile(client: httpx.AsyncClient) -> None:
    gone = UUID("0192f0c1-7a3b-7c11-9f6e-000000000000")
    assert (await client.put(f"/explorer/api/worklists/{gone}", json=FIELDS)).status_code == 404


async def test_read_only(open_client: Open) -> None:
    """Entries are shown, and the form has nowhere to send them."""
    settings = Settings(store=StoreSettings(read_only=True))
    async with open_client(settings) as client:
        assert len((await client.get("/explorer/api/worklists")).json()["entries"]) == 1
        answer = await client.post("/explorer/api/worklists", json=FIELDS)
        assert answer.status_code in (403, 404, 405)
