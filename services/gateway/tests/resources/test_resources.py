# SPDX-License-Identifier: Apache-2.0
"""The four levels, statistics and logs, in Orthanc's JSON."""

from typing import Any

import httpx
import msgspec
import pytest

from pons.catalog import Search
from pons.lua.rest import SCHEME
from pons.messages.index import (
    Ancestor,
    Deleted,
    Deleter,
    DeleteResource,
    DeleteResources,
    ResourceName,
)
from pons.messages.services import Done
from pons.settings import LuaSettings, Settings

from ..conftest import INSTANCE, PATIENT, RESOURCES, SERIES, STUDY, Open, Store
from ..middleware.logins import USERS

pytestmark = pytest.mark.anyio


async def test_lists(client: httpx.AsyncClient) -> None:
    """A list is of identifiers, and of objects with `expand`."""
    assert (await client.get("/patients")).json() == [PATIENT]
    expanded = (await client.get("/patients?expand")).json()
    assert [patient["ID"] for patient in expanded] == [PATIENT]
    assert (await client.get("/patients?expand=false")).json() == [PATIENT]


async def test_empty_list(client: httpx.AsyncClient, store: Store) -> None:
    """An empty store has empty lists."""
    store.catalog.pages_of_ids = []
    assert (await client.get("/studies")).content == b"[]"


async def test_long_list(client: httpx.AsyncClient, store: Store) -> None:
    """A list of several pages is one array."""
    store.catalog.pages_of_ids = [["a", "b"], ["c"], ["d", "e"]]
    answer = await client.get("/studies")
    assert answer.json() == ["a", "b", "c", "d", "e"]
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


async def test_since_and_limit(client: httpx.AsyncClient, store: Store) -> None:
    """`since` and `limit` come together; 0 means all."""
    assert (await client.get("/series?since=3&limit=0")).status_code == 200
    assert store.catalog.searched == Search("Series", since=3)
    assert (await client.get("/series?expand&since=0&limit=7")).status_code == 200
    assert store.catalog.searched == Search("Series", limit=7)
    for query in ("since=3", "limit=3", "since=a&limit=3", "since=-1&limit=3", "since=&limit=3"):
        answer = await client.get(f"/series?{query}")
        assert answer.status_code == 400, query
    missing = (await client.get("/series?since=3")).json()
    assert missing["Details"] == 'Missing "limit" argument for GET request against: /series'


async def test_flags(client: httpx.AsyncClient) -> None:
    """A flag is its name alone, 0, 1, true or false; anything else is refused."""
    for value in ("", "=", "=1", "=true"):
        assert (await client.get(f"/studies?expand{value}")).json()[0]["ID"] == STUDY
    for value in ("=0", "=false"):
        assert (await client.get(f"/studies?expand{value}")).json() == [STUDY]
    assert (await client.get("/studies?expand=yes")).status_code == 400


async def test_patient(client: httpx.AsyncClient) -> None:
    """A patient has these keys, and no others."""
    assert (await client.get(f"/patients/{PATIENT}")).json() == {
        "ID": PATIENT,
        "Type": "Patient",
        "MainDicomTags": {"PatientName": "ROE^RICHARD", "PatientID": "P1"},
        "IsProtected": False,
        "Studies": [STUDY],
        "IsStable": True,
        "LastUpdate": "20240102T111213",
        "Labels": [],
    }


async def test_study(client: httpx.AsyncClient) -> None:
    """A study has these keys, and no others."""
    assert (await client.get(f"/studies/{STUDY}")).json() == {
        "ID": STUDY,
        "Type": "Study",
        "ParentPatient": PATIENT,
        "MainDicomTags": {"StudyDate": "20240102", "StudyInstanceUID": "1.2.3"},
        "PatientMainDicomTags": {"PatientID": "P1"},
        "Series": [SERIES],
        "IsStable": False,
        "LastUpdate": "20240102T111213",
        "Labels": [],
    }


async def test_series(client: httpx.AsyncClient) -> None:
    """A series has these keys, and no others."""
    assert (await client.get(f"/series/{SERIES}")).json() == {
        "ID": SERIES,
        "Type": "Series",
        "ParentStudy": STUDY,
        "MainDicomTags": {"Modality": "CT"},
        "Status": "Complete",
        "ExpectedNumberOfInstances": 1,
        "Instances": [INSTANCE],
        "IsStable": True,
        "LastUpdate": "20240102T111213",
        "Labels": [],
    }


async def test_instance(client: httpx.AsyncClient) -> None:
    """An instance has these keys, and no others."""
    assert (await client.get(f"/instances/{INSTANCE}")).json() == {
        "ID": INSTANCE,
        "Type": "Instance",
        "ParentSeries": SERIES,
        "MainDicomTags": {"InstanceNumber": "1"},
        "FileSize": 1000,
        "FileUuid": "0192f0c1-7a3b-7c11-9f6e-2d5c8a4b9e10",
        "IndexInSeries": 1,
        "Labels": [],
    }


async def test_formats(client: httpx.AsyncClient) -> None:
    """`short` shows numbers of tags, `full` everything that is known of them."""
    short = (await client.get(f"/instances/{INSTANCE}?short")).json()
    assert short["MainDicomTags"] == {"0020,0013": "1"}
    full = (await client.get("/instances?expand&full")).json()
    assert full[0]["MainDicomTags"] == {
        "0020,0013": {"Name": "InstanceNumber", "Type": "String", "Value": "1"}
    }


async def test_children_are_expanded_by_default(client: httpx.AsyncClient) -> None:
    """Lists of children hold objects, unless `expand=false`."""
    for path in (f"/patients/{PATIENT}", f"/studies/{STUDY}", f"/series/{SERIES}"):
        instances = (await client.get(f"{path}/instances")).json()
        assert [instance["ID"] for instance in instances] == [INSTANCE]
        assert (await client.get(f"{path}/instances?expand=false")).json() == [INSTANCE]


async def test_parents(client: httpx.AsyncClient) -> None:
    """Every ancestor is one request away."""
    for name, identifier in (("series", SERIES), ("study", STUDY), ("patient", PATIENT)):
        answer = await client.get(f"/instances/{INSTANCE}/{name}")
        assert answer.json()["ID"] == identifier
    assert (await client.get(f"/studies/{STUDY}/patient")).json()["Type"] == "Patient"
    assert (await client.get(f"/patients/{PATIENT}/patient")).status_code == 404


async def test_statistics_of_a_study(client: httpx.AsyncClient) -> None:
    """Bytes are text, megabytes are numbers; counts are of what is below."""
    assert (await client.get(f"/studies/{STUDY}/statistics")).json() == {
        "CountSeries": 1,
        "CountInstances": 1,
        "DiskSize": "2000000",
        "DicomDiskSize": "2000000",
        "UncompressedSize": "3000000",
        "DicomUncompressedSize": "3000000",
        "DiskSizeMB": 1,
        "DicomDiskSizeMB": 1,
        "UncompressedSizeMB": 2,
        "DicomUncompressedSizeMB": 2,
    }


async def test_statistics_of_an_instance(client: httpx.AsyncClient) -> None:
    """An instance counts nothing."""
    statistics = (await client.get(f"/instances/{INSTANCE}/statistics")).json()
    assert [key for key in statistics if key.startswith("Count")] == []


async def test_statistics_of_the_store(client: httpx.AsyncClient) -> None:
    """The store's statistics have Orthanc's keys, bytes as text."""
    assert (await client.get("/statistics")).json() == {
        "CountInstances": 1200,
        "CountPatients": 1,
        "CountSeries": 2,
        "CountStudies": 1,
        "TotalDiskSize": "4000000",
        "TotalDiskSizeMB": 3,
        "TotalUncompressedSize": "5000000",
        "TotalUncompressedSizeMB": 4,
    }


async def test_delete(client: httpx.AsyncClient, store: Store) -> None:
    """Deletion is asked of the index, and tells the ancestor that is left."""
    store.services.answers[DeleteResource] = Deleted(Ancestor("Patient", PATIENT))
    answer = await client.delete(f"/series/{SERIES}")
    assert answer.json() == {
        "RemainingAncestor": {
            "ID": PATIENT,
            "Path": f"/patients/{PATIENT}",
            "Type": "Patient",
        }
    }
    assert store.services.commands == [("index", DeleteResource("Series", SERIES))]


async def test_delete_the_last(client: httpx.AsyncClient, store: Store) -> None:
    """Deleting a whole patient leaves nothing to tell."""
    store.services.answers[DeleteResource] = Deleted(None)
    assert (await client.delete(f"/patients/{PATIENT}")).json() == {"RemainingAncestor": None}


async def test_who_deletes(open_client: Open, store: Store) -> None:
    """The index is told which user asks, whichever way he does."""
    store.services.answers |= {DeleteResource: Deleted(None), DeleteResources: Done()}
    by = Deleter("asked", "alice")
    async with open_client(USERS) as client:
        alice = httpx.BasicAuth("alice", "secret")
        await client.delete(f"/studies/{STUDY}", auth=alice)
        await client.post("/tools/bulk-delete", json={"Resources": [STUDY]}, auth=alice)
    assert [command for _, command in store.services.commands] == [
        DeleteResource("Study", STUDY, by),
        DeleteResources([ResourceName(STUDY)], by),
    ]


async def test_a_script_deletes(open_client: Open, store: Store) -> None:
    """It asks by REST as users do, with the secret of the store's own scripts."""
    store.services.answers[DeleteResource] = Deleted(None)
    settings = Settings(lua=LuaSettings(callbacks=True, token="t" * 32))
    async with open_client(settings) as client:
        told = {"authorization": f"{SCHEME} {'t' * 32}"}
        answer = await client.delete(f"/studies/{STUDY}", headers=told)
    assert answer.status_code == 200
    assert [command for _, command in store.services.commands] == [
        DeleteResource("Study", STUDY, Deleter("script"))
    ]


async def test_changes(client: httpx.AsyncClient, store: Store) -> None:
    """A page of changes has Orthanc's keys; numbers that are not given take their defaults."""
    answer = await client.get("/changes?since=&limit=")
    assert answer.json() == {
        "Changes": [
            {
                "ChangeType": "NewStudy",
                "Date": "20240102T111213",
                "ID": STUDY,
                "Path": f"/studies/{STUDY}",
                "ResourceType": "Study",
                "Seq": 7,
            }
        ],
        "Done": True,
        "First": 7,
        "Last": 7,
    }
    assert store.catalog.asked == (None, 100, None, None)


async def test_changes_of_some_types(client: httpx.AsyncClient, store: Store) -> None:
    """Changes can be asked for by type and up to a number; an unknown type is refused."""
    await client.get("/changes?since=2&limit=5&to=9&type=NewStudy;StableSeries")
    assert store.catalog.asked == (2, 5, 9, [5, 14])
    assert (await client.get("/changes?type=Nonsense")).status_code == 400


async def test_last_change_of_none(client: httpx.AsyncClient) -> None:
    """Without any change, `Last` still tells the highest number, and there is no `First`."""
    answer = (await client.get("/changes?last")).json()
    assert answer == {"Changes": [], "Done": True, "Last": 21}


async def test_exports(client: httpx.AsyncClient, store: Store) -> None:
    """An export has the DICOM identifiers down to its level."""
    assert (await client.get("/exports?since=2")).json() == {
        "Exports": [
            {
                "Date": "20240102T111213",
                "ID": SERIES,
                "Path": f"/series/{SERIES}",
                "PatientID": "P1",
                "RemoteModality": "pacs",
                "ResourceType": "Series",
                "Seq": 3,
                "StudyInstanceUID": "1.2.3",
                "SeriesInstanceUID": "1.2.3.4",
            }
        ],
        "Done": False,
        "Last": 3,
    }
    assert store.catalog.asked == (2, 100)


async def test_main_sequences_are_shown(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As arrays of objects with the main tags, in each format."""
    item = {"00400009": {"vr": "SH", "Value": ["STEP1"]}}
    series = msgspec.structs.replace(
        RESOURCES["Series"], sequences={"00400275": {"vr": "SQ", "Value": [item]}}
    )
    monkeypatch.setitem(RESOURCES, "Series", series)
    shown = (await client.get(f"/series/{SERIES}")).json()["MainDicomTags"]
    assert shown == {
        "Modality": "CT",
        "RequestAttributesSequence": [{"ScheduledProcedureStepID": "STEP1"}],
    }
    short = (await client.get(f"/series/{SERIES}?short")).json()["MainDicomTags"]
    assert short == {"0008,0060": "CT", "0040,0275": [{"0040,0009": "STEP1"}]}
    full = (await client.get(f"/series/{SERIES}?full")).json()["MainDicomTags"]
    assert full["0040,0275"]["Type"] == "Sequence"
    assert full["0040,0275"]["Value"][0]["0040,0009"]["Value"] == "STEP1"


async def test_system(client: httpx.AsyncClient) -> None:
    """Programs find the level of Orthanc's interface, and our own version beside it."""
    system = (await client.get("/system")).json()
    assert system["ApiVersion"] == 31
    assert system["Version"] == "1.13.0"
    assert system["PonsVersion"] == "0.1.0"
    assert system["DicomAet"] == "PONS"
    assert system["OverwriteInstances"] is False
    assert system["OverwriteInstancesMode"] == "Never"
    assert system["MainDicomTags"]["Patient"] == (
        "0010,0010;0010,0020;0010,0030;0010,0040;0010,1000"
    )
    assert "0040,0254;0040,0275;" in system["MainDicomTags"]["Series"]


async def test_a_wrong_parameter_is_named(client: httpx.AsyncClient) -> None:
    """A parameter that is none is told with its name and value, by every kind of route."""
    for path in ("/studies?expand=maybe", f"/studies/{STUDY}/series?expand=maybe"):
        told = (await client.get(path)).json()
        assert told["OrthancStatus"] == 5
        assert told["Details"] == "expand: expected 0, 1, true or false, got 'maybe'"
    for path in (f"/studies/{STUDY}?full=maybe", f"/studies/{STUDY}/series?full=maybe"):
        told = (await client.get(path)).json()
        assert told["OrthancStatus"] == 5
        assert told["Details"] == "full: expected 0, 1, true or false, got 'maybe'"
    for value in ("-1", "1.5", "9" * 30, str(2**63), "٣"):
        told = (await client.get(f"/studies?since={value}&limit=1")).json()
        assert told["OrthancStatus"] == 5
        assert (
            told["Details"]
            == f"since: expected a whole number from 0 to {2**63 - 1}, got {value!r}"
        )


async def test_the_last_of_a_parameter_counts(client: httpx.AsyncClient) -> None:
    """A parameter that comes twice is read once, also where it is a list."""
    for path in (f"/studies/{STUDY}", f"/series/{SERIES}/study"):
        query = "response-content=Children&response-content=Labels&full=0&full=1"
        assert set((await client.get(f"{path}?{query}")).json()) == {"ID", "Type", "Labels"}


def test_resources_are_described_by_level(document: dict[str, Any]) -> None:
    """The document tells each level's object apart, and the parameters of lean routes."""
    paths = document["paths"]
    shown = paths["/studies/{id}"]["get"]
    schema = shown["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Study"}
    assert shown["summary"] == "Show a study"
    assert [one["name"] for one in shown["parameters"]] == [
        "id",
        "response-content",
        "requested-tags",
        "requestedTags",
        "full",
        "short",
        "simplify",
    ]
    above = paths["/instances/{id}/patient"]["get"]
    schema = above["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Patient"}
