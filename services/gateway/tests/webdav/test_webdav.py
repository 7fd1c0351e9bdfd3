# SPDX-License-Identifier: Apache-2.0
"""The WebDAV share: its folders and names, its verbs, and what each refuses."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from pons.catalog import Entry
from pons.messages.index import Deleted, DeleteResource
from pons.settings import HttpSettings, Settings, WebDavSettings
from pons_gateway.webdav.dropped import REMEMBERED, Dropped
from pons_gateway.webdav.names import (
    full_study_name,
    meant_uid,
    numbered,
    patient_name,
    possible_ids,
    series_name,
    shown_uid,
    study_name,
)

from ..conftest import INSTANCE, PATIENT, SERIES, STUDY, Open, Store

pytestmark = pytest.mark.anyio

MOMENT = datetime(2024, 1, 2, 11, 12, 13, tzinfo=UTC)
ANOTHER = "99999999-99999999-99999999-99999999-99999999"


def patient(**tags: str) -> Entry:
    named = {"00100020": tags.get("id", "P1"), "00100010": tags.get("name", "ROE^RICHARD")}
    return Entry("Patient", PATIENT, 1, 0, named, MOMENT, 0)


def study(identifier: str = STUDY, key: int = 2, description: str = "Knee") -> Entry:
    tags = {"00080020": "20240102", "00081030": description, "0020000D": f"1.{key}"}
    return Entry("Study", identifier, key, 1, tags, MOMENT, 0)


SERIES_TAGS = {"00080060": "CT", "0008103E": "a/b", "0020000E": "1.3"}
ONE_SERIES = Entry("Series", SERIES, 3, 2, SERIES_TAGS, MOMENT, 0)
ONE_INSTANCE = Entry("Instance", INSTANCE, 4, 3, {"00080018": "1.4"}, MOMENT, 1000)


@dataclass
class FakeBrowser:
    """One patient with two studies of the same description, and one instance in the first."""

    studies: list[Entry] = field(default_factory=lambda: [study(), study(ANOTHER, 20)])
    looked_up: list[Sequence[str]] = field(default_factory=list)

    async def patients(self) -> AsyncIterator[list[Entry]]:
        yield [patient()]

    async def patients_with_id(self, patient_ids: Sequence[str]) -> list[Entry]:
        self.looked_up.append(patient_ids)
        return [patient()] if "P1" in patient_ids else []

    async def patients_with_key(self, keys: Sequence[int]) -> list[Entry]:
        return [patient()] if 1 in keys else []

    async def studies_of(self, patient_keys: Sequence[int]) -> list[Entry]:
        return self.studies if 1 in patient_keys else []

    async def studies_between(self, first: str, end: str) -> AsyncIterator[list[Entry]]:
        found = [one for one in self.studies if first <= one.tags["00080020"] < end]
        yield found[:1]
        yield found[1:]

    async def studies_by_uid(self) -> AsyncIterator[list[Entry]]:
        yield self.studies

    async def studies_with_uid(self, study_uid: str) -> list[Entry]:
        return [one for one in self.studies if one.tags["0020000D"] == study_uid]

    async def series_of(self, study_keys: Sequence[int]) -> list[Entry]:
        return [ONE_SERIES] if 2 in study_keys else []

    async def instances_of(self, series_keys: Sequence[int]) -> AsyncIterator[list[Entry]]:
        yield [ONE_INSTANCE] if 3 in series_keys else []

    async def instance_with_id(self, series_keys: Sequence[int], identifier: str) -> Entry | None:
        return ONE_INSTANCE if 3 in series_keys and identifier == INSTANCE else None

    async def instance_with_uid(self, series_keys: Sequence[int], uid: str) -> Entry | None:
        return ONE_INSTANCE if 3 in series_keys and uid == "1.4" else None

    async def study_date_prefixes(self, length: int, first: str, end: str) -> list[str]:
        dates = {one.tags["00080020"] for one in self.studies} | {"garbage"}
        return sorted({date[:length] for date in dates if first <= date < end})


@pytest.fixture
def browser(store: Store) -> FakeBrowser:
    store.catalog.browser = FakeBrowser()  # type: ignore[attr-defined]
    return store.catalog.browser  # type: ignore[attr-defined,no-any-return]


@pytest.fixture
async def share(open_client: Open, browser: FakeBrowser) -> AsyncIterator[httpx.AsyncClient]:
    async with open_client() as client:
        yield client


async def listed(client: httpx.AsyncClient, path: str, depth: str = "1") -> dict[str, bool]:
    """The paths in an answer to PROPFIND, and whether each is a folder."""
    answer = await client.request("PROPFIND", path, headers={"Depth": depth})
    assert answer.status_code == 207, answer.text
    assert answer.headers["content-type"].startswith("application/xml")
    responses = re.findall(r"<D:response>.*?</D:response>", answer.text, re.DOTALL)
    return {
        unquote(re.search(r"<D:href>(.*?)</D:href>", one)[1]): "<D:collection/>" in one  # type: ignore[index]
        for one in responses
    }


async def test_the_share_has_five_folders(share: httpx.AsyncClient) -> None:
    """As in Orthanc: the folder itself ends with a slash, those in it do not."""
    assert await listed(share, "/webdav", "0") == {"/webdav/": True}
    assert await listed(share, "/webdav/") == {
        "/webdav/": True,
        "/webdav/by-dates": True,
        "/webdav/by-patients": True,
        "/webdav/by-studies": True,
        "/webdav/by-uids": True,
        "/webdav/uploads": True,
    }


@pytest.mark.parametrize(
    ("path", "below"),
    [
        ("by-patients", ["P1 - ROE RICHARD"]),
        ("by-patients/P1 - ROE RICHARD", ["20240102 - Knee", "20240102 - Knee (2)"]),
        ("by-patients/P1 - ROE RICHARD/20240102 - Knee", ["CT - a／b"]),
        ("by-patients/P1 - ROE RICHARD/20240102 - Knee (2)", []),
        ("by-patients/P1 - ROE RICHARD/20240102 - Knee/CT - a／b", [f"{INSTANCE}.dcm"]),
        ("by-studies", ["P1 - ROE RICHARD - Knee", "P1 - ROE RICHARD - Knee (2)"]),
        ("by-studies/P1 - ROE RICHARD - Knee", ["CT - a／b"]),
        ("by-dates", ["2024"]),
        ("by-dates/2024", ["2024-01"]),
        ("by-dates/2024/2024-01", ["P1 - ROE RICHARD - Knee", "P1 - ROE RICHARD - Knee (2)"]),
        ("by-dates/2024/2024-01/P1 - ROE RICHARD - Knee", ["CT - a／b"]),
        ("by-uids", ["1.2", "1.20"]),
        ("by-uids/1.2", ["study.json", "1.3"]),
        ("by-uids/1.2/1.3", ["series.json", "1.4.dcm"]),
        ("uploads", []),
    ],
)
async def test_folders_lead_to_files(share: httpx.AsyncClient, path: str, below: list[str]) -> None:
    """Everything that a folder lists is found under the path that it lists."""
    found = list(await listed(share, f"/webdav/{path}"))
    assert found == [f"/webdav/{path}/", *(f"/webdav/{path}/{name}" for name in below)]
    for name in below:
        assert len(await listed(share, f"/webdav/{path}/{name}", "0")) == 1


@pytest.mark.parametrize(
    "path",
    [
        "nothing",
        "by-patients/P1",
        "by-patients/P2 - ROE RICHARD",
        "by-patients/P1 - ROE RICHARD/20240102 - Knee (3)",
        f"by-patients/P1 - ROE RICHARD/20240102 - Knee/CT - a／b/{ANOTHER}.dcm",
        f"by-patients/P1 - ROE RICHARD/20240102 - Knee/CT - a／b/{INSTANCE}",
        f"by-patients/P1 - ROE RICHARD/20240102 - Knee/CT - a／b/{INSTANCE}.dcm/more",
        "by-dates/2023",
        "by-dates/garb",
        "by-dates/2024/2024-02",
        "by-dates/2024/2023-01",
        "by-dates/2024/202401",
        "by-dates/2024/2024-01/P1 - ROE RICHARD - Elbow",
        "by-uids/1.9",
        "by-uids/1.2/1.9",
        "by-uids/1.2/1.3/1.4",
        "by-uids/1.2/1.3/1.5.dcm",
        "uploads/nothing",
        "by-patients/" + "x" * 1001,
    ],
)
async def test_what_is_not_there_is_not_found(share: httpx.AsyncClient, path: str) -> None:
    """PROPFIND, GET and HEAD agree; the answer has no body."""
    for method in ("PROPFIND", "GET", "HEAD"):
        answer = await share.request(method, f"/webdav/{path}", headers={"Depth": "0"})
        assert (answer.status_code, answer.content) == (404, b"")


async def test_a_description_is_read(share: httpx.AsyncClient) -> None:
    """`study.json` is the study as REST shows it, and its length is told before."""
    answer = await share.get("/webdav/by-uids/1.2/study.json")
    assert answer.json() == (await share.get(f"/studies/{STUDY}")).json()
    head = await share.head("/webdav/by-uids/1.2/study.json")
    assert head.headers["content-length"] == str(len(answer.content))
    assert head.content == b""


async def test_a_file_has_its_size_and_its_date(share: httpx.AsyncClient) -> None:
    """Clients show both, and read the file by the size."""
    head = await share.head("/webdav/by-uids/1.2/1.3/1.4.dcm")
    assert head.headers["content-length"] == "1000"
    assert head.headers["content-type"] == "application/dicom"
    assert head.headers["last-modified"] == "Tue, 02 Jan 2024 11:12:13 GMT"
    answer = await share.request(
        "PROPFIND", "/webdav/by-uids/1.2/1.3/1.4.dcm", headers={"Depth": "1"}
    )
    assert "<D:getcontentlength>1000</D:getcontentlength>" in answer.text
    assert "<D:creationdate>2024-01-02T11:12:13Z</D:creationdate>" in answer.text


@pytest.mark.parametrize("depth", ["2", "infinity", None])
async def test_the_whole_tree_is_refused(share: httpx.AsyncClient, depth: str | None) -> None:
    """A depth that is not given means all, which nobody could answer for a large store."""
    headers = {"Depth": depth} if depth else {}
    answer = await share.request("PROPFIND", "/webdav/", headers=headers)
    assert answer.status_code == 403


async def test_options_tell_what_the_share_can_do(share: httpx.AsyncClient) -> None:
    """Class 2, which Windows and macOS want before they write."""
    answer = await share.options("/webdav/")
    assert answer.status_code == 200
    assert answer.headers["dav"] == "1,2"
    assert "PROPFIND" in answer.headers["allow"]
    for method in ("POST", "MOVE", "COPY", "PATCH", "XYZZY"):
        assert (await share.request(method, "/webdav/", content=b"x")).status_code == 405


async def test_uploads_are_stored(share: httpx.AsyncClient, store: Store) -> None:
    """What is put there comes in by the one way, is seen for a while, and is in no listing."""
    answer = await share.put("/webdav/uploads/a/b.dcm", content=b"DICOM 1")
    assert answer.status_code == 201
    assert store.ingest.bodies == [b"DICOM 1"]
    assert store.ingest.origins[0].kind == "WebDav"
    assert await listed(share, "/webdav/uploads/a/b.dcm", "0") == {"/webdav/uploads/a/b.dcm": False}
    assert await listed(share, "/webdav/uploads/") == {"/webdav/uploads/": True}


async def test_the_way_of_explorer_and_finder(share: httpx.AsyncClient, store: Store) -> None:
    """A folder, an empty file, a lock, the content, properties, unlock; and a file of their own."""
    path = "/webdav/uploads/new/1.dcm"
    assert (await share.request("MKCOL", "/webdav/uploads/new")).status_code == 201
    assert (await share.request("MKCOL", "/webdav/uploads/new")).status_code == 405
    assert "/webdav/uploads/new" in await listed(share, "/webdav/uploads")
    assert (await share.put(path, content=b"")).status_code == 201
    locked = await share.request("LOCK", path, content=b"<D:lockinfo xmlns:D='DAV:'/>")
    assert locked.status_code == 200
    token = locked.headers["lock-token"]
    assert token.strip("<>") in locked.text
    again = await share.request("LOCK", path, headers={"If": f"({token})"})
    assert again.headers["lock-token"] == token
    assert (await share.put(path, content=b"DICOM 1")).status_code == 201
    patched = await share.request("PROPPATCH", path, content=b"<D:propertyupdate/>")
    assert patched.status_code == 207
    assert "HTTP/1.1 200 OK" in patched.text
    assert (await share.request("UNLOCK", path, headers={"Lock-Token": token})).status_code == 204
    assert (await share.put("/webdav/uploads/new/._1.dcm", content=b"Mac")).status_code == 201
    assert store.ingest.bodies == [b"DICOM 1"]
    assert (await share.delete("/webdav/uploads/new")).status_code == 204
    assert await listed(share, "/webdav/uploads") == {"/webdav/uploads/": True}
    assert (await share.delete(path)).status_code == 404


async def test_an_upload_has_the_limits_of_rest(open_client: Open, browser: FakeBrowser) -> None:
    """A body that is too large is told before it is sent, or where it gets so."""

    async def chunks() -> Any:
        for _ in range(3):
            yield bytes(1024 * 1024)

    async with open_client(Settings(http=HttpSettings(max_body_mb=1))) as client:
        for body in (bytes(3 * 1024 * 1024), chunks()):
            answer = await client.put("/webdav/uploads/x", content=body)
            assert answer.status_code == 413


@pytest.mark.parametrize("method", ["PUT", "MKCOL", "LOCK", "UNLOCK", "PROPPATCH"])
async def test_nothing_is_written_outside_uploads(share: httpx.AsyncClient, method: str) -> None:
    """The rest of the share shows what is stored; it is no place to put files."""
    for path in ("/webdav/by-patients/x", "/webdav/uploads", "/webdav/"):
        assert (await share.request(method, path, content=b"")).status_code == 403


async def test_uploads_can_be_off(open_client: Open, browser: FakeBrowser) -> None:
    """Then there is no such folder, and nothing is taken."""
    async with open_client(Settings(webdav=WebDavSettings(allow_upload=False))) as client:
        assert "/webdav/uploads" not in await listed(client, "/webdav")
        answer = await client.put("/webdav/uploads/x", content=b"DICOM 1")
        assert answer.status_code == 403


async def test_nothing_is_deleted_unless_that_is_allowed(share: httpx.AsyncClient) -> None:
    """A slip in a file manager must not cost a study."""
    answer = await share.delete("/webdav/by-uids/1.2")
    assert answer.status_code == 403
    assert "webdav.allow_delete" in answer.json()["Details"]


async def test_resources_are_deleted(open_client: Open, store: Store, browser: FakeBrowser) -> None:
    """A folder or file that is a resource goes; one that only groups others stays."""
    store.services.answers[DeleteResource] = Deleted(None)
    async with open_client(Settings(webdav=WebDavSettings(allow_delete=True))) as client:
        assert (await client.delete("/webdav/by-uids/1.2/1.3")).status_code == 204
        assert (await client.delete("/webdav/by-uids/1.2/1.3/1.4.dcm")).status_code == 204
        assert (await client.delete("/webdav/by-uids/1.9")).status_code == 404
        for path in ("", "/by-dates", "/by-dates/2024", "/by-uids/1.2/study.json"):
            assert (await client.delete(f"/webdav{path}")).status_code == 403
    assert store.services.commands == [
        ("index", DeleteResource("Series", SERIES)),
        ("index", DeleteResource("Instance", INSTANCE)),
    ]


async def test_the_share_can_be_off(open_client: Open, browser: FakeBrowser) -> None:
    """Then its paths are like any others that do not exist."""
    async with open_client(Settings(webdav=WebDavSettings(enabled=False))) as client:
        assert (await client.request("PROPFIND", "/webdav/")).status_code == 404
        assert (await client.get("/webdav/")).json()["OrthancStatus"] == 17


async def test_the_share_needs_the_users_of_rest(open_client: Open, browser: FakeBrowser) -> None:
    """Every verb, OPTIONS too."""
    users = {"alice": "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"}
    async with open_client(Settings(http=HttpSettings(users=users))) as client:
        for method in ("OPTIONS", "PROPFIND", "PUT"):
            answer = await client.request(method, "/webdav/uploads/x", content=b"")
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Basic")


async def test_a_database_that_is_away_is_told(share: httpx.AsyncClient, store: Store) -> None:
    """A list is not cut short in silence: its first page decides the status."""
    store.catalog.away = True
    assert (await share.get("/webdav/by-uids/1.2/study.json")).status_code == 503
    answer = await share.request("PROPFIND", "/webdav/by-uids/1.2", headers={"Depth": "1"})
    assert answer.status_code == 503


@pytest.mark.parametrize(
    ("patient_id", "name", "expected"),
    [
        ("P1", "ROE^RICHARD^^Dr", "P1 - ROE RICHARD Dr"),
        ("", "ROE", "(none) - ROE"),
        ("P1", "", "P1"),
        ("a/b:c", "x", "a／b：c - x"),
        ("..", "", "．．"),
        ("v1.2", "", "v1.2"),
        ("A - B", "C - D", "A - B - C - D"),
        ("line\nbreak", "a\nb", "line␊break - a b"),
    ],
)
def test_a_patient_is_found_by_its_name(patient_id: str, name: str, expected: str) -> None:
    """Names are legal on every system, and the PatientID is among those that one may stand for."""
    one = patient(id=patient_id, name=name)
    assert patient_name(one) == expected
    assert patient_id in possible_ids(patient_name(one))
    for title in ("", "Knee"):
        named = full_study_name(one, study(description=title))
        assert patient_id in possible_ids(named)
        assert patient_id in possible_ids(f"{named} (2)")


def test_names_of_what_has_none() -> None:
    """A folder always has a name, and never two the same."""
    assert study_name(replace(study(), tags={})) == "(none)"
    assert series_name(replace(ONE_SERIES, tags={"00080060": "MR"})) == "MR"
    assert len(study_name(study(description="x" * 500))) < 200
    assert numbered(["a", "a", "a (2)", "a"]) == ["a", "a (2)", "a (2) (2)", "a (3)"]
    assert meant_uid(shown_uid("../1")) == "../1"
    assert shown_uid("1.2.840") == "1.2.840"


def test_what_was_dropped_is_forgotten() -> None:
    """The memory is bounded in number and in time."""
    known = Dropped()
    for number in range(REMEMBERED + 1):
        known.add_file(f"{number}", 1, "")
    assert known.find("0") is None
    assert known.find("1") is not None
    known = Dropped(seconds=-1)
    known.add_folder("late")
    assert known.find("late") is None
    assert known.folders("") == []
