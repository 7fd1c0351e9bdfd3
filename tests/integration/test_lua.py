# SPDX-License-Identifier: Apache-2.0
"""Lua scripts of a running store: what they let in, what they are told, and what goes wrong."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
from pydicom import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from archives import nobody
from outside import TAKEN_OVER, Store, eventually, image
from pons_testing.scp import serving

QUICK = {
    "PONS_JOBS_RETRIES": "3",
    "PONS_JOBS_RETRY_DELAY": "0.2",
    "PONS_INDEX_STABLE_AGE": "1",
    "PONS_LUA_EXECUTE": "true",
    "PONS_LUA_CALLBACKS": "true",
}
SUCCESS, OUT_OF_RESOURCES = 0x0000, 0xA700


@contextmanager
def archive(port: int = 0) -> Iterator[tuple[int, dict[str, str]]]:
    """A storage SCP: its port, and by whom each instance was sent that it has."""
    received: dict[str, str] = {}

    def store(event: Any) -> int:
        by = event.assoc.requestor.ae_title.strip()
        received[str(event.request.AffectedSOPInstanceUID)] = by
        return SUCCESS

    ae = AE("ARCHIVE")
    ae.add_supported_context(CTImageStorage, ExplicitVRLittleEndian)
    with serving(ae, (evt.EVT_C_STORE, store), port=port) as there:
        yield there, received


def post(store: Store, ds: Dataset) -> httpx.Response:
    file = BytesIO()
    ds.save_as(file, enforce_file_format=True)
    return store.http.post("/instances", content=file.getvalue())


def run(store: Store, script: str) -> str:
    answer = store.http.post("/tools/execute-script", content=script.encode())
    assert answer.status_code == 200, answer.text
    return answer.text


def add_archive(store: Store, port: int) -> None:
    described = {"AET": "ARCHIVE", "Host": "127.0.0.1", "Port": port}
    assert store.http.put("/modalities/archive", json=described).status_code == 200


def scripts(folder: Path, *sources: str) -> dict[str, str]:
    """Settings that name files of these scripts."""
    files = []
    for number, source in enumerate(sources):
        file = folder / f"script-{number}.lua"
        file.write_text(source)
        files.append(f'"{file}"')
    return {"PONS_LUA_SCRIPTS": f"[{', '.join(files)}]"}


def test_autorouting(fresh_store: Callable[..., Store]) -> None:
    """A function that is posted sends what comes in and deletes it then: nothing before it has
    arrived, nothing of what does not arrive; it may call by another name."""
    store = fresh_store("autorouting", **QUICK)
    with archive(nobody()) as (port, received):
        add_archive(store, port)
        run(store, "function OnStoredInstance(id) Delete(SendToModality(id, 'archive', aet)) end")
        first = [image("KNEE", number=number) for number in range(1, 9)]
        assert set(store.c_store(*first)) == {SUCCESS}
        eventually("all is sent", lambda: len(received) == len(first))
        eventually("all is deleted", lambda: store.get("/instances") == [])
        assert received == {str(ds.SOPInstanceUID): "PONS" for ds in first}
        run(store, 'aet = "HELLO"')
        other = image("KNEE", number=20)
        assert post(store, other).json()["Status"] == "Success"
        eventually("it is sent", lambda: len(received) > len(first))
        eventually("it is deleted", lambda: store.get("/instances") == [])
        assert received[str(other.SOPInstanceUID)] == "HELLO"
        run(store, "aet = nil")
    lost = post(store, image("KNEE", number=21)).json()["ID"]
    eventually("it is a dead letter", lambda: store.get("/jobs/dead-letters"))
    assert store.get("/instances") == [lost]
    with archive(port) as (_, received):
        store.http.post("/jobs/dead-letters/retry", params={"destination": "modality:archive"})
        eventually("it is sent and deleted", lambda: store.get("/instances") == [])
        assert set(received.values()) == {"PONS"}


def test_what_functions_are_told(fresh_store: Callable[..., Store], tmp_path: Path) -> None:
    """Instances and stable resources with their tags, metadata and origin, from a file of scripts;
    what a function asks of REST is done as the store's own."""
    source = """
    seen = {}
    function OnStoredInstance(id, tags, metadata, origin)
        table.insert(seen, {'OnStoredInstance', id, tags.PatientID, metadata.SopClassUid,
            origin.RequestOrigin, origin.RemoteAet or ''})
        RestApiPut('/instances/' .. id .. '/metadata/1024', 'by ' .. tags['Modality'])
    end
    function OnStablePatient(id, tags)
        table.insert(seen, {'OnStablePatient', id, tags.PatientID})
    end
    function OnStableStudy(id, tags, metadata)
        table.insert(seen, {'OnStableStudy', id, tags.StudyInstanceUID, metadata.LastUpdate ~= nil})
    end
    function OnStableSeries(id, tags)
        table.insert(seen, {'OnStableSeries', id, tags.Modality})
    end
    for _, level in ipairs({'Patient', 'Study', 'Series', 'Instance'}) do
        _G['OnDeleted' .. level] = function(id)
            table.insert(seen, {'OnDeleted' .. level, id})
        end
    end
    """
    store = fresh_store("told", **QUICK, **scripts(tmp_path, source))
    ds = image("TOLD")
    assert store.c_store(ds) == [SUCCESS]
    (instance,) = store.get("/instances")
    told = eventually("all is told", lambda: whole(store, 4))
    by_name = {one[0]: one[1:] for one in told}
    assert by_name["OnStoredInstance"] == [
        instance,
        "TOLD",
        str(ds.SOPClassUID),
        "DicomProtocol",
        "TESTER",
    ]
    assert by_name["OnStablePatient"] == [*store.get("/patients"), "TOLD"]
    assert by_name["OnStableStudy"] == [*store.get("/studies"), str(ds.StudyInstanceUID), True]
    assert by_name["OnStableSeries"] == [*store.get("/series"), "CT"]
    assert store.http.get(f"/instances/{instance}/metadata/1024").text == "by CT"
    store.http.delete(f"/instances/{instance}").raise_for_status()
    told = eventually("the deletion is told", lambda: whole(store, 8))
    assert {one[0]: one[1] for one in told[4:]} == {
        "OnDeletedInstance": instance,
        "OnDeletedSeries": by_name["OnStableSeries"][0],
        "OnDeletedStudy": by_name["OnStableStudy"][0],
        "OnDeletedPatient": by_name["OnStablePatient"][0],
    }
    assert store.get("/changes")["Changes"] == []


def whole(store: Store, count: int) -> Any:
    answer = store.http.post("/tools/execute-script", content=b"print(DumpJson(seen, false))")
    seen = answer.json()
    return seen if len(seen) >= count else None


FILTER = """
function ReceivedInstanceFilter(dicom, origin, info)
    if dicom.PatientID == 'HANG' then while true do end end
    if dicom.PatientID == 'WRONG' then error('not now') end
    return dicom.PatientID ~= 'UNWANTED' and info.HasPixelData
end
function ReceivedCStoreInstanceFilter(dicom, origin, info)
    return dicom.PatientID == 'REFUSED' and 0xA801 or 0
end
"""


def test_filters(fresh_store: Callable[..., Store], tmp_path: Path) -> None:
    """What scripts do not let in is not kept, and its sender hears so; a script that fails or hangs
    refuses for now, and what comes next is answered."""
    store = fresh_store("filters", **QUICK, **scripts(tmp_path, FILTER), PONS_LUA_TIMEOUT="5")
    many = [image("UNWANTED", number=number) for number in range(1, 14)]
    assert set(store.c_store(*many)) == {SUCCESS}
    filtered = post(store, image("UNWANTED"))
    assert (filtered.status_code, filtered.json()["Status"]) == (200, "FilteredOut")
    assert store.c_store(image("REFUSED")) == [0xA801]
    for patient in ("WRONG", "HANG"):
        assert store.c_store(image(patient)) == [OUT_OF_RESOURCES]
        assert post(store, image(patient)).status_code == 503
    assert store.get("/instances") == []
    assert store.objects() == []
    assert store.c_store(image("WANTED")) == [SUCCESS]
    assert post(store, image("REFUSED")).json()["Status"] == "Success"
    assert len(store.get("/instances")) == 2


def test_a_posted_filter(fresh_store: Callable[..., Store]) -> None:
    """It holds for every way in once the answer has come, and after a restart; an empty one in its
    place lets everything in again."""
    store = fresh_store("posted", **QUICK)
    run(store, "function ReceivedInstanceFilter(dicom) return dicom.PatientID == 'P1' end")
    assert post(store, image("P2")).json()["Status"] == "FilteredOut"
    store.kill("egress")
    store.kill("gateway")
    store.kill("ingress")
    store.wait_until_ready()
    assert store.c_store(image("P2")) == [SUCCESS]
    assert store.get("/instances") == []
    run(store, "ReceivedInstanceFilter = nil")
    assert post(store, image("P2")).json()["Status"] == "Success"


def test_events_survive_egress(fresh_store: Callable[..., Store]) -> None:
    """A killed egress leaves nothing out: each instance arrives, however often it dies."""
    store = fresh_store("survive", **QUICK)
    with archive() as (port, received):
        add_archive(store, port)
        run(store, "function OnStoredInstance(id) SendToModality(id, 'archive') end")
        datasets = [image("LASTS", number=number) for number in range(1, 61)]
        for start in range(0, 60, 20):
            assert set(store.c_store(*datasets[start : start + 20])) == {SUCCESS}
            store.kill("egress")
        store.wait_until_ready()
        wanted = {str(ds.SOPInstanceUID) for ds in datasets}
        eventually("all has arrived", lambda: set(received) == wanted, TAKEN_OVER)


def test_a_script_that_is_wrong(tmp_path: Path) -> None:
    """The store does not start, and says which line of which file is wrong."""
    store = Store("wrong", tmp_path / "data", scripts(tmp_path, "function OnStoredInstance(\nend"))
    ports = ("--http-port", str(store.http_port), "--dicom-port", str(store.dicom_port))
    ended = subprocess.run(
        [*store.command("up"), *ports],
        env={**os.environ, **store.environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode != 0
    assert "script-0.lua:2:" in ended.stdout + ended.stderr


def test_nothing_runs_by_default(store: Store) -> None:
    """Without a setting no script is run, and no process waits for one."""
    assert store.http.post("/tools/execute-script", content=b"print(1)").status_code == 403
    children = [
        " ".join(one.cmdline())
        for kind in ("gateway", "egress", "ingress")
        for one in store.processes(kind)
    ]
    assert children
    assert not [line for line in children if "pons.lua" in line]


def test_requests_and_queries(fresh_store: Callable[..., Store], tmp_path: Path) -> None:
    """Filters of HTTP requests and of C-FIND hold in a running store; what a function asks of REST
    is let in all the same, and stores as Lua."""
    source = """
    function IncomingHttpRequestFilter(method, uri) return method ~= 'DELETE' end
    function IncomingFindRequestFilter(query, origin)
        query['0010,0020'] = origin.RemoteAet
        return query
    end
    function OnStoredInstance(id, tags, metadata, origin)
        if origin.RequestOrigin ~= 'Lua' then
            local file = RestApiGet('/instances/' .. id .. '/file')
            RestApiDelete('/instances/' .. id)
            RestApiPost('/instances', file)
        end
    end
    """
    more = {"PONS_DICOM_ALWAYS_ALLOW_FIND": "true"}
    store = fresh_store("requests", **QUICK, **more, **scripts(tmp_path, source))
    found = image("TESTER")
    identifier = post(store, found).json()["ID"]
    assert store.c_store(image("OTHER")) == [SUCCESS]

    def stored_by_lua() -> bool:
        origin = store.http.get(f"/instances/{identifier}/metadata/Origin")
        return origin.text == "Lua"

    eventually("a script has stored it", stored_by_lua)
    assert store.http.delete(f"/instances/{identifier}").status_code == 403
    query = Dataset()
    query.QueryRetrieveLevel, query.PatientID, query.StudyInstanceUID = "STUDY", "*", ""
    with store.association(StudyRootQueryRetrieveInformationModelFind) as assoc:
        answers = [
            answer.StudyInstanceUID
            for _, answer in assoc.send_c_find(query, StudyRootQueryRetrieveInformationModelFind)
            if answer is not None
        ]
    assert answers == [found.StudyInstanceUID]
